package fetch

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/textproto"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"

	"sluice/catalog"
)

// Defaults of a Fetcher.
const (
	DefaultMaxSize = 5 << 40
	maxRedirects   = 10
	defaultTries   = 5
	defaultStall   = time.Minute
)

// stallBytes is what must come within the stall time.
const stallBytes = 10 << 10

// Request is a file to download.
type Request struct {
	URL string
	// Headers are sent to the URL's own host, each a line "Name: value".
	Headers []string
	// MaxSize bounds the file; 0 means the fetcher's limit.
	MaxSize int64

	account catalog.AccountID // whose quota counts; 0 for nobody's
}

// Fetcher downloads. It is safe for concurrent use.
type Fetcher struct {
	// Dir holds unfinished downloads of tasks. It belongs on the file system of the object store.
	Dir   string
	Guard *Guard
	// Secrets opens what tasks keep sealed; without it such tasks fail.
	Secrets Secrets
	// MaxSize bounds files, Stall the time in which next to nothing comes; 0 means the default.
	MaxSize int64
	Stall   time.Duration
	// Tries is how often in a row an origin may fail without giving a byte; 0 means 5. FirstWait is the wait after the first
	// failure, doubled each time up to a minute, of which a random part is waited; 0 means 1 s.
	Tries     int
	FirstWait time.Duration
	// Ranges is how many ranges of a large file are fetched at a time; 0 means 8.
	Ranges int
	// Remotes open the files of URLs that are not HTTP's, by the URLs' schemes.
	Remotes map[string]Remote
	// Admit, when set, is asked whether there is room before a file comes in, of 0 bytes when its size is not known; its error
	// refuses it.
	Admit func(grows int64) error
	// Keep, when set, holds room for a task's file in what the account may keep, until release is called, as soon as the origin tells
	// the file's size; its error refuses the file.
	Keep func(ctx context.Context, account catalog.AccountID, bytes int64) (release func(), err error)
}

// Check says what is wrong with a URL before anything is fetched: an *Error with BadURL.
func Check(raw string, headers []string) error {
	bad := func(format string, args ...any) error {
		return &Error{Code: BadURL, URL: Redact(raw), Err: fmt.Errorf(format, args...)}
	}
	u, err := url.Parse(raw)
	switch {
	case err != nil || len(raw) > 8192:
		return bad("it is not a URL")
	case u.Hostname() == "" && slices.Contains(schemes, u.Scheme):
		return bad("it has no host")
	case !isHTTP(u.Scheme):
		if err := checkRemote(u, headers); err != nil {
			return bad("%w", err)
		}
		return nil
	}
	_, err = parseHeaders(headers)
	if err != nil {
		return bad("%w", err)
	}
	return nil
}

// parseHeaders reads header lines; those that frame the message are the client's own business.
func parseHeaders(lines []string) (http.Header, error) {
	h := http.Header{}
	for _, l := range lines {
		if strings.TrimSpace(l) == "" {
			continue
		}
		name, value, ok := strings.Cut(l, ":")
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		if !ok || !httpguts.ValidHeaderFieldName(name) || !httpguts.ValidHeaderFieldValue(value) {
			return nil, errors.New("a header is not of the form \"Name: value\"")
		}
		switch key := textproto.CanonicalMIMEHeaderKey(name); key {
		case "Host", "Content-Length", "Transfer-Encoding", "Connection", "Range", "If-Range", "Accept-Encoding", "Upgrade", "Te", "Trailer":
		default:
			h.Add(key, value)
		}
	}
	return h, nil
}

// Get downloads to a file, which is made, in one go: nothing is left to resume. An error leaves no file.
func (f *Fetcher) Get(ctx context.Context, req Request, path string) error {
	_, err := f.download(ctx, req, path, "", func(int64, int64) {})
	if err != nil {
		return errors.Join(err, quietly(os.Remove(path)))
	}
	return nil
}

// download brings the file at the URL to path. With a state file it goes on where an earlier call stopped, and records how far
// it is. It returns the file's size.
func (f *Fetcher) download(ctx context.Context, req Request, path, state string, progress func(done, total int64)) (int64, error) {
	if err := Check(req.URL, req.Headers); err != nil {
		return 0, err
	}
	client := f.client()
	defer client.CloseIdleConnections()
	u, err := url.Parse(req.URL)
	if err != nil {
		return 0, err // checked above
	}
	d := &download{f: f, req: req, url: u, client: client, shown: Redact(req.URL), progress: progress, started: time.Now(), release: func() {}}
	if err := d.open(path, state); err != nil {
		return 0, err
	}
	defer d.file.Close()
	defer func() { d.release() }()
	best := d.done()
	for failures := 0; ; {
		err := d.try(ctx)
		if err == nil {
			return d.size(), d.settle(true)
		}
		if ctx.Err() != nil {
			return 0, errors.Join(context.Cause(ctx), d.settle(false))
		}
		// What was here before and is fetched again is no progress.
		if failures++; d.done() > best {
			best, failures = d.done(), 1
		}
		var e *Error
		if !errors.As(err, &e) {
			return 0, errors.Join(err, d.settle(false))
		}
		if again, _ := e.RetryAfter(); !again || failures >= orDefault(f.Tries, defaultTries) {
			return 0, errors.Join(err, d.settle(false))
		}
		retries.Inc()
		if err := sleep(ctx, max(e.Wait, f.wait(failures))); err != nil {
			return 0, errors.Join(err, d.settle(false))
		}
	}
}

// wait is a random part of a wait that doubles with each failure.
func (f *Fetcher) wait(failures int) time.Duration {
	w := min(orDefault(f.FirstWait, time.Second)<<min(failures-1, 16), time.Minute)
	return rand.N(w) + time.Millisecond
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// client is an HTTP client of one download. Proxies of the environment would lead around the guard.
func (f *Fetcher) client() *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			DialContext: f.Guard.DialContext, ForceAttemptHTTP2: true, TLSHandshakeTimeout: dialTimeout,
			ResponseHeaderTimeout: time.Minute, MaxResponseHeaderBytes: 1 << 20, DisableCompression: true,
			MaxConnsPerHost: orDefault(f.Ranges, maxRanges) + 1, MaxIdleConnsPerHost: orDefault(f.Ranges, maxRanges),
		},
		CheckRedirect: checkRedirect,
	}
}

// errRedirect marks redirects that are not followed.
var errRedirect = errors.New("redirect refused")

// checkRedirect bounds redirects, never leaves TLS, and takes the caller's headers away when the host changes.
func checkRedirect(next *http.Request, via []*http.Request) error {
	last, first := via[len(via)-1], via[0]
	switch {
	case len(via) >= maxRedirects:
		return fmt.Errorf("%w: more than %d", errRedirect, maxRedirects)
	case next.URL.Scheme != "http" && next.URL.Scheme != "https":
		return fmt.Errorf("%w: to scheme %q", errRedirect, next.URL.Scheme)
	case last.URL.Scheme == "https" && next.URL.Scheme == "http":
		return fmt.Errorf("%w: from https to http", errRedirect)
	}
	if !sameHost(next.URL, first.URL) {
		own, _ := first.Context().Value(headersKey{}).(http.Header)
		for name := range own {
			next.Header.Del(name)
		}
	}
	return nil
}

// headersKey finds the caller's headers in a request's context.
type headersKey struct{}

func sameHost(a, b *url.URL) bool {
	return strings.EqualFold(a.Hostname(), b.Hostname()) && a.Port() == b.Port() && a.Scheme == b.Scheme ||
		strings.EqualFold(a.Hostname(), b.Hostname()) && a.Scheme == "https"
}

// classify makes an *Error of what a request gave instead of an answer.
func (d *download) classify(err error) error {
	var refused *RefusedError
	var dns *net.DNSError
	var ours *Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &ours):
		return err
	case errors.As(err, &refused):
		return d.fail(Refused, refused)
	case errors.Is(err, errRedirect):
		return d.fail(Refused, unwrapURL(err))
	case errors.As(err, &dns) && dns.IsNotFound:
		return d.fail(NotFound, fmt.Errorf("the host %q does not exist", dns.Name))
	}
	if err := d.classifyFile(err); err != nil {
		return err
	}
	return d.fail(Failed, unwrapURL(err))
}

// unwrapURL drops the part of an HTTP client's error that shows the URL.
func unwrapURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

func (d *download) fail(c Code, err error) *Error { return &Error{Code: c, URL: d.shown, Err: err} }

func orDefault[T int | int64 | time.Duration](v, otherwise T) T {
	if v == 0 {
		return otherwise
	}
	return v
}

func quietly(err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

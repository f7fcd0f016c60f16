package fetch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"sluice/catalog"
	"sluice/ingest/upload"
)

// Ranges of large files.
const (
	parallelFrom = 64 << 20
	rangeBytes   = 16 << 20
	maxRanges    = 8
	// journalBytes is how much is fetched between two looks at the state file.
	journalBytes = 32 << 20
)

// state is what a state file holds: how far a download is.
type state struct {
	URL string `json:"url"` // without secrets
	// Validator is the origin's ETag or date: what is asked for further ranges must have the same.
	Validator string `json:"validator,omitempty"`
	// Ranges says that the origin serves parts of the file.
	Ranges   bool            `json:"ranges,omitempty"`
	Size     int64           `json:"size"` // -1: the origin does not say
	Extents  catalog.Extents `json:"extents,omitempty"`
	Restarts int             `json:"restarts,omitempty"`
	Done     bool            `json:"done,omitempty"`
}

// download is one file on its way.
type download struct {
	f        *Fetcher
	req      Request
	url      *url.URL
	client   *http.Client
	shown    string
	progress func(done, total int64)
	started  time.Time
	release  func() // gives back what is held of the account's quota

	file      *os.File
	statePath string

	mu       sync.Mutex // guards what follows
	st       state
	unsynced int64
}

// open opens the file and what is known of it.
func (d *download) open(path, statePath string) error {
	d.statePath, d.st = statePath, state{URL: d.shown, Size: -1}
	if statePath != "" {
		b, err := os.ReadFile(statePath)
		if err := quietly(err); err != nil {
			return err
		}
		var old state
		if json.Unmarshal(b, &old) == nil && old.URL == d.shown && old.Validator != "" {
			d.st = old
		}
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o640)
	if err != nil {
		return err
	}
	d.file = f
	return nil
}

func (d *download) done() int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.st.Extents.Total()
}

func (d *download) size() int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.st.Extents.Contiguous()
}

func (d *download) known() state {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.st
}

// try goes on until the file is complete or something fails.
func (d *download) try(ctx context.Context) error {
	st := d.known()
	if st.Size >= 0 && st.Extents.Contiguous() >= st.Size {
		return nil
	}
	var err error
	switch {
	case !isHTTP(d.url.Scheme):
		err = d.remote(ctx, d.url)
	case st.parallel():
		err = d.parallel(ctx, st)
	default:
		err = d.stream(ctx, st)
	}
	if errors.Is(err, errVersion) {
		return d.restart()
	}
	return err
}

// parallel says whether several ranges may be fetched at a time.
func (st state) parallel() bool { return st.Ranges && st.Validator != "" && st.Size > parallelFrom }

// get asks for the file from byte from to byte to (0: the end); the request ends with the returned function.
func (d *download) get(ctx context.Context, from, to int64, validator string) (*http.Response, *watch, error) {
	own, err := parseHeaders(d.req.Headers)
	if err != nil {
		return nil, nil, d.fail(BadURL, err)
	}
	ctx, w := d.watch(ctx)
	req, err := http.NewRequestWithContext(context.WithValue(ctx, headersKey{}, own), http.MethodGet, d.req.URL, nil)
	if err != nil {
		w.stop()
		return nil, nil, d.fail(BadURL, errors.New("it is not a URL"))
	}
	req.Header = own.Clone()
	req.Header.Set("Accept-Encoding", "identity")
	if req.Header.Get("User-Agent") == "" {
		req.Header.Set("User-Agent", "sluice")
	}
	if from > 0 || to > 0 {
		last := ""
		if to > 0 {
			last = strconv.FormatInt(to-1, 10)
		}
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-%s", from, last))
		req.Header.Set("If-Range", validator)
	}
	resp, err := d.client.Do(req)
	if err != nil {
		w.stop()
		return nil, nil, d.classify(w.cause(err))
	}
	if err := d.judge(resp); err != nil {
		w.stop()
		_ = resp.Body.Close()
		return nil, nil, err
	}
	return resp, w, nil
}

// judge says why an answer is not the file.
func (d *download) judge(resp *http.Response) error {
	code := resp.StatusCode
	if e := resp.Header.Get("Content-Encoding"); code < 300 && e != "" && !strings.EqualFold(e, "identity") {
		return d.fail(Refused, fmt.Errorf("the server sends it encoded (%s), which nobody asked for", e))
	}
	status := fmt.Errorf("the server answers %d %s", code, http.StatusText(code))
	switch {
	case code == http.StatusOK, code == http.StatusPartialContent:
		return nil
	case code == http.StatusNotFound, code == http.StatusGone:
		return d.fail(NotFound, status)
	case code == http.StatusRequestedRangeNotSatisfiable:
		return errVersion // it is shorter than it was
	case code == http.StatusRequestTimeout, code == http.StatusTooEarly, code == http.StatusTooManyRequests, code >= 500:
		e := d.fail(Failed, status)
		e.Wait = retryAfter(resp.Header.Get("Retry-After"))
		return e
	}
	return d.fail(Refused, status)
}

// maxRetryAfter bounds what an origin may ask for: longer rests are the pipeline's to give.
const maxRetryAfter = 2 * time.Minute

func retryAfter(v string) time.Duration {
	if s, err := strconv.Atoi(strings.TrimSpace(v)); err == nil && s > 0 {
		return min(time.Duration(s)*time.Second, maxRetryAfter)
	}
	if t, err := http.ParseTime(v); err == nil {
		return min(max(0, time.Until(t)), maxRetryAfter)
	}
	return 0
}

// errVersion says that the file at the URL is not the one that was begun.
var errVersion = errors.New("the file changed")

// restart forgets what is here, once: a file that changes again is given up. No request is under way.
func (d *download) restart() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.st.Restarts > 0 {
		return d.fail(Changed, nil)
	}
	d.st = state{URL: d.shown, Size: -1, Restarts: 1}
	if err := d.file.Truncate(0); err != nil {
		return err
	}
	return d.fail(Failed, errVersion)
}

// stream fetches what is missing at the end in one request.
func (d *download) stream(ctx context.Context, st state) error {
	from := int64(0)
	if st.Validator != "" {
		from = st.Extents.Contiguous()
	}
	resp, w, err := d.get(ctx, from, 0, st.Validator)
	if err != nil {
		return err
	}
	defer w.stop()
	defer resp.Body.Close()
	at, err := d.accept(ctx, resp, from)
	if err != nil {
		return err
	}
	if st := d.known(); st.parallel() {
		w.stop() // several at a time are faster
		_ = resp.Body.Close()
		return d.parallel(ctx, st)
	}
	if err := d.copy(resp.Body, w, at, -1); err != nil {
		return err
	}
	return d.ended()
}

// accept takes what an answer says of the file, and returns where its body belongs.
func (d *download) accept(ctx context.Context, resp *http.Response, from int64) (int64, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if resp.StatusCode == http.StatusPartialContent {
		at, size, ok := contentRange(resp.Header.Get("Content-Range"))
		if !ok || at != from || d.st.Size >= 0 && size >= 0 && size != d.st.Size {
			return 0, d.fail(Failed, fmt.Errorf("the server answers with range %q", resp.Header.Get("Content-Range")))
		}
		if d.st.Size < 0 {
			d.st.Size = size
		}
		d.st.Ranges = true
		return at, nil
	}
	if from > 0 && validator(resp.Header) != d.st.Validator {
		return 0, errVersion
	}
	// The whole file from its start, because the origin has no ranges or nothing tells its versions apart.
	if len(d.st.Extents) > 0 {
		if err := d.file.Truncate(0); err != nil {
			return 0, err
		}
		d.st.Extents = nil
	}
	d.st.Size, d.st.Validator = resp.ContentLength, validator(resp.Header)
	d.st.Ranges = strings.EqualFold(resp.Header.Get("Accept-Ranges"), "bytes")
	return 0, d.makeRoom(ctx)
}

// makeRoom refuses a file that is too large, or that there is no room for. d.mu is held.
func (d *download) makeRoom(ctx context.Context) error {
	if limit := d.limit(); d.st.Size > limit {
		return d.fail(TooLarge, fmt.Errorf("it has %d bytes, the limit is %d", d.st.Size, limit))
	}
	if d.f.Admit != nil {
		if err := d.f.Admit(max(0, d.st.Size)); err != nil {
			return err
		}
	}
	if d.f.Keep != nil && d.req.account != 0 {
		d.release() // of another version
		release, err := d.f.Keep(ctx, d.req.account, max(0, d.st.Size))
		if errors.Is(err, catalog.ErrQuota) {
			return d.fail(OverQuota, err)
		}
		if err != nil {
			return err
		}
		d.release = release
	}
	if d.st.Size > 0 {
		if err := unix.Fallocate(int(d.file.Fd()), unix.FALLOC_FL_KEEP_SIZE, 0, d.st.Size); errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) {
			return full(err)
		}
	}
	return nil
}

func (d *download) limit() int64 {
	limit := orDefault(d.f.MaxSize, DefaultMaxSize)
	if d.req.MaxSize > 0 {
		limit = min(limit, d.req.MaxSize)
	}
	return limit
}

// validator is what tells one version of a file from another: a strong ETag, else its date (RFC 9110 §13.1.5).
func validator(h http.Header) string {
	if tag := h.Get("ETag"); strings.HasPrefix(tag, `"`) {
		return tag
	}
	return h.Get("Last-Modified")
}

// contentRange reads "bytes 5-9/10"; a size that is not known is -1.
func contentRange(v string) (from, size int64, ok bool) {
	rest, found := strings.CutPrefix(v, "bytes ")
	span, total, cut := strings.Cut(rest, "/")
	first, _, dash := strings.Cut(span, "-")
	if !found || !cut || !dash {
		return 0, 0, false
	}
	from, err := strconv.ParseInt(first, 10, 64)
	if err != nil || from < 0 {
		return 0, 0, false
	}
	if total == "*" {
		return from, -1, true
	}
	size, err = strconv.ParseInt(total, 10, 64)
	return from, size, err == nil && size >= from
}

// copy writes a body to its place, up to byte to (-1: all of it), and records it.
func (d *download) copy(body io.Reader, w *watch, at, to int64) error {
	if at == 0 {
		whole, err := upload.Look(body)
		if err != nil {
			return d.fail(Restricted, err)
		}
		body = whole
	}
	buf := make([]byte, 256<<10)
	limit := d.limit()
	for {
		n, err := body.Read(buf)
		if n > 0 {
			if to >= 0 && at+int64(n) > to {
				return d.fail(Failed, errors.New("the server sends more than the range that was asked for"))
			}
			if at+int64(n) > limit {
				return d.fail(TooLarge, fmt.Errorf("it has more than %d bytes", limit))
			}
			if _, werr := d.file.WriteAt(buf[:n], at); werr != nil {
				return full(werr)
			}
			if err := d.wrote(at, at+int64(n)); err != nil {
				return err
			}
			at += int64(n)
			w.got(n)
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return d.classify(w.cause(err))
		}
	}
}

// wrote records bytes, and now and then makes them durable.
func (d *download) wrote(from, to int64) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.st.Extents = d.st.Extents.Add(from, to)
	d.unsynced += to - from
	d.progress(d.st.Extents.Total(), max(d.st.Size, 0))
	fetchedBytes.Add(float64(to - from))
	if d.statePath == "" || d.unsynced < journalBytes {
		return nil
	}
	return d.save()
}

// ended judges the end of a body that was read whole.
func (d *download) ended() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	here := d.st.Extents.Contiguous()
	switch {
	case d.st.Size < 0:
		d.st.Size = here // the origin never said; its end is the file's
	case here < d.st.Size:
		return d.fail(Truncated, fmt.Errorf("%d of %d bytes came", here, d.st.Size))
	}
	return nil
}

// settle makes what is here durable; when the file is complete it is cut to its size.
func (d *download) settle(complete bool) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if complete {
		d.st.Done = true
		if err := d.file.Truncate(d.st.Extents.Contiguous()); err != nil {
			return err
		}
	}
	if d.statePath == "" {
		return nil
	}
	if err := d.save(); err != nil || !complete {
		return err
	}
	return syncDir(filepath.Dir(d.file.Name()))
}

// save writes the state after the bytes that it tells of. d.mu is held.
func (d *download) save() error {
	if err := d.file.Sync(); err != nil {
		return full(err)
	}
	b, err := json.Marshal(d.st)
	if err != nil {
		return err
	}
	tmp := d.statePath + ".tmp"
	if err := writeSynced(tmp, b); err != nil {
		return full(err)
	}
	if err := os.Rename(tmp, d.statePath); err != nil {
		return err
	}
	d.unsynced = 0
	return syncDir(filepath.Dir(d.statePath))
}

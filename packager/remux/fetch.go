package remux

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"syscall"
	"time"
)

// Fetcher opens remote objects.
type Fetcher interface {
	// Open returns n bytes of u from off, or all from off when n is negative. A response other than 200 and 206 is a *StatusError.
	// The body must give an error when it ends before the promised length.
	Open(ctx context.Context, u *url.URL, off, n int64) (io.ReadCloser, error)
}

// StatusError is an HTTP answer that is not the object.
type StatusError struct{ Status int }

func (e *StatusError) Error() string {
	return fmt.Sprintf("server answers %d %s", e.Status, http.StatusText(e.Status))
}

// HTTPFetcher is the built-in Fetcher.
type HTTPFetcher struct {
	client  *http.Client
	timeout time.Duration
}

// NewHTTPFetcher returns a Fetcher that follows at most redirects redirections and, unless allowPrivate, connects to public
// addresses only: the check is made on the address that is dialled, after name resolution, so no spelling of an address and no
// second answer of a name server gets around it. timeout bounds the wait for the headers and for each read.
func NewHTTPFetcher(allowPrivate bool, redirects int, timeout time.Duration) *HTTPFetcher {
	dialer := &net.Dialer{Timeout: min(timeout, 10*time.Second)}
	if !allowPrivate {
		dialer.Control = func(_, address string, _ syscall.RawConn) error {
			ap, err := netip.ParseAddrPort(address)
			if err != nil || private(ap.Addr()) {
				return fail(Blocked, address, "address is not public")
			}
			return nil
		}
	}
	return &HTTPFetcher{timeout: timeout, client: &http.Client{
		Transport: &http.Transport{
			// No proxy: one on the local network would get around the check of addresses.
			DialContext: dialer.DialContext, ForceAttemptHTTP2: true, DisableCompression: true,
			TLSHandshakeTimeout: timeout, ResponseHeaderTimeout: timeout, MaxIdleConnsPerHost: 16, IdleConnTimeout: 30 * time.Second,
			MaxResponseHeaderBytes: 64 << 10,
		},
		CheckRedirect: func(r *http.Request, via []*http.Request) error {
			if len(via) > redirects {
				return fail(LimitExceeded, r.URL.Redacted(), "more than %d redirections", redirects)
			}
			return checkURL(r.URL)
		},
	}}
}

// Close drops idle connections.
func (h *HTTPFetcher) Close() { h.client.CloseIdleConnections() }

// Open implements Fetcher.
func (h *HTTPFetcher) Open(ctx context.Context, u *url.URL, off, n int64) (io.ReadCloser, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		cancel(nil)
		return nil, err
	}
	ranged := off > 0 || n >= 0
	if n == 0 {
		cancel(nil)
		return io.NopCloser(eof{}), nil
	}
	switch {
	case n > 0:
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", off, off+n-1))
	case off > 0:
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", off))
	}
	res, err := h.client.Do(req) //nolint:bodyclose // body closes it, here or by the caller
	if err != nil {
		cancel(nil)
		return nil, err
	}
	body := &watched{ReadCloser: res.Body, cancel: cancel, timeout: h.timeout}
	switch {
	case res.StatusCode == http.StatusPartialContent && ranged:
		if at := rangeStart(res.Header.Get("Content-Range")); at != off {
			body.Close()
			return nil, fmt.Errorf("server answers with range %q, asked from %d", res.Header.Get("Content-Range"), off)
		}
	case res.StatusCode == http.StatusOK:
		if _, err := io.CopyN(io.Discard, body, off); err != nil { // a server without ranges
			body.Close()
			return nil, err
		}
	default:
		body.Close()
		return nil, &StatusError{Status: res.StatusCode}
	}
	if n > 0 {
		return &exact{ReadCloser: body, left: n}, nil
	}
	return body, nil
}

type eof struct{}

func (eof) Read([]byte) (int, error) { return 0, io.EOF }

func rangeStart(v string) int64 {
	var from int64
	if _, err := fmt.Sscanf(v, "bytes %d-", &from); err != nil {
		return -1
	}
	return from
}

// errStalled ends a request whose body stands still.
var errStalled = errors.New("no data within the time limit")

// watched cancels its request when a read takes too long.
type watched struct {
	io.ReadCloser
	cancel  context.CancelCauseFunc
	timeout time.Duration
}

func (w *watched) Read(p []byte) (int, error) {
	t := time.AfterFunc(w.timeout, func() { w.cancel(errStalled) })
	n, err := w.ReadCloser.Read(p)
	if !t.Stop() && err != nil {
		err = errStalled
	}
	return n, err
}

func (w *watched) Close() error {
	err := w.ReadCloser.Close()
	w.cancel(nil)
	return err
}

// exact gives left bytes and no more, and an error when there are fewer.
type exact struct {
	io.ReadCloser
	left int64
}

func (e *exact) Read(p []byte) (int, error) {
	if e.left == 0 {
		return 0, io.EOF
	}
	n, err := e.ReadCloser.Read(p[:min(int64(len(p)), e.left)])
	e.left -= int64(n)
	if err == io.EOF && e.left > 0 {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// open opens n bytes of a place from off; n < 0 means all of it.
func (in *input) open(ctx context.Context, p place, off, n int64) (io.ReadCloser, error) {
	if !p.local {
		return in.fetch.Open(ctx, p.url, off, n)
	}
	f, err := in.root.Open(p.name)
	if err != nil {
		if escapes(err) {
			return nil, fail(Blocked, p.String(), "leads out of the folder of the playlist")
		}
		return nil, err
	}
	st, err := f.Stat()
	if err == nil && !st.Mode().IsRegular() {
		err = fail(Blocked, p.String(), "not a regular file")
	}
	if err == nil && n >= 0 && off+n > st.Size() {
		err = fail(Corrupt, p.String(), "range %d+%d of %d bytes", off, n, st.Size())
	}
	if err == nil && off > 0 {
		_, err = f.Seek(off, io.SeekStart)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	if n >= 0 {
		return &exact{ReadCloser: f, left: n}, nil
	}
	return f, nil
}

// escapes reports whether os.Root refused a path because it, or a symbolic link on it, leads outside.
func escapes(err error) bool {
	var pe *os.PathError
	return errors.As(err, &pe) && pe.Err != nil && pe.Err.Error() == "path escapes from parent"
}

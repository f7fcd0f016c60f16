package fetch

import (
	"context"
	"fmt"
	"net/url"
	"time"
)

// reachTimeout bounds a question whether a file is there.
const reachTimeout = 20 * time.Second

// Reach says why a file could not be downloaded now, by an *Error: what its origin answers, or its size. The file's bytes are not
// waited for. It asks once, by the request that a download begins with: not every origin answers another one as it does that.
func (f *Fetcher) Reach(ctx context.Context, req Request) error {
	if err := Check(req.URL, req.Headers); err != nil {
		return err
	}
	u, err := url.Parse(req.URL)
	if err != nil {
		return err // checked above
	}
	limited, cancel := context.WithTimeout(ctx, reachTimeout)
	defer cancel()
	client := f.client()
	defer client.CloseIdleConnections()
	d := &download{f: f, req: req, url: u, client: client, shown: Redact(req.URL)}
	size, err := d.reach(limited)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if limit := d.limit(); err == nil && size > limit {
		err = d.fail(TooLarge, fmt.Errorf("it has %d bytes, the limit is %d", size, limit))
	}
	return err
}

// reach asks for the file, and returns its size, below 0 when the origin does not tell.
func (d *download) reach(ctx context.Context) (int64, error) {
	if isHTTP(d.url.Scheme) {
		resp, w, err := d.get(ctx, 0, 0, "")
		if err != nil {
			return 0, err
		}
		w.stop()
		_ = resp.Body.Close()
		return resp.ContentLength, nil
	}
	open := d.f.Remotes[d.url.Scheme]
	if open == nil {
		return 0, d.fail(BadURL, fmt.Errorf("%s is not fetched here", d.url.Scheme))
	}
	file, err := open(ctx, d.url, d.f.Guard.DialContext)
	if err != nil {
		return 0, d.classify(err)
	}
	defer file.Close()
	return file.Size(), nil
}

package client

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"sluice/ingest/hsu"
)

const (
	// requestTimeout bounds a request of the control connection, and what a server takes to begin files in it.
	requestTimeout = 2 * time.Minute
	firstRetry     = 500 * time.Millisecond
	lastRetry      = 30 * time.Second
)

// refused is an answer that says no.
type refused struct {
	status int
	hsu.Failure
}

func (r *refused) Error() string {
	if r.Message != "" {
		return r.Message
	}
	return fmt.Sprintf("the server answers %d %s", r.status, http.StatusText(r.status))
}

// Is makes refusals the errors that end an upload.
func (r *refused) Is(target error) bool {
	switch target {
	case ErrAuth:
		return r.Code == hsu.CodeSession || r.Code == hsu.CodeForbidden
	case ErrQuota:
		return r.Code == hsu.CodeQuota
	}
	return false
}

// over says that an upload session ended: another one goes on.
func over(err error) bool {
	var r *refused
	return errors.As(err, &r) && (r.Code == hsu.CodeExpired || r.Code == hsu.CodeSession)
}

// lasting says that trying again is of no use.
func lasting(err error) bool {
	var r *refused
	if errors.As(err, &r) {
		return r.status < 500 && r.status != http.StatusRequestTimeout && r.status != http.StatusTooManyRequests || r.Code == hsu.CodeQuota
	}
	return errors.Is(err, ErrAuth) || errors.Is(err, ErrUsage)
}

// packFrom is the size in bytes from which a request's body is worth packing: less goes in a round trip as it is.
const packFrom = 4 << 10

// control is the connection for everything but blocks.
type control struct {
	o    *Options
	http *http.Client
	// packs says that the server understands packed requests.
	packs atomic.Bool
}

// call sends v as JSON and reads the answer to out. It waits out what may pass, unless the upload is to be tried once.
func (c *control) call(ctx context.Context, method, path, auth string, v, out any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	for wait := firstRetry; ; wait = min(2*wait, lastRetry) {
		err := trusted(c.once(ctx, method, path, auth, body, out))
		if err == nil || lasting(err) || ctx.Err() != nil {
			return err
		}
		if c.o.Once {
			return fmt.Errorf("%w: %w", ErrNetwork, err)
		}
		c.o.Log("%v; trying again in %v", err, wait)
		if err := sleep(ctx, wait); err != nil {
			return err
		}
	}
}

func (c *control) once(ctx context.Context, method, path, auth string, body []byte, out any) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	packed := len(body) >= packFrom && c.packs.Load()
	if packed {
		body = pack(body)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.o.Server+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	if packed {
		req.Header.Set("Content-Encoding", "gzip")
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", auth)
	res, err := c.http.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode/100 != 2 {
		return failure(res)
	}
	if res.Header.Get("Accept-Encoding") == "gzip" {
		c.packs.Store(true)
	}
	if out == nil || res.StatusCode == http.StatusNoContent {
		return nil
	}
	if err := json.NewDecoder(res.Body).Decode(out); err != nil {
		return fmt.Errorf("the server's answer: %w", err)
	}
	return nil
}

func pack(b []byte) []byte {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	_, _ = z.Write(b) // a buffer takes everything
	_ = z.Close()
	return out.Bytes()
}

func failure(res *http.Response) error {
	r := &refused{status: res.StatusCode}
	b, _ := io.ReadAll(io.LimitReader(res.Body, 64<<10))
	_ = json.Unmarshal(b, &r.Failure) // a proxy may have answered
	return r
}

// session returns the session of the API, which it starts when only a secret is given.
func (c *control) session(ctx context.Context) (string, error) {
	if c.o.Session != "" {
		return c.o.Session, nil
	}
	kind := 0
	if c.o.Admin {
		kind = 2
	}
	var out any
	err := c.call(ctx, http.MethodPost, "/api_v3/service/session/action/start", "", map[string]any{
		"format": 1, "partnerId": c.o.Partner, "secret": c.o.Secret, "userId": c.o.User, "type": kind, "expiry": 86400,
	}, &out)
	if err != nil {
		return "", err
	}
	switch out := out.(type) {
	case string:
		return out, nil
	case map[string]any:
		if m, ok := out["message"].(string); ok {
			return "", fmt.Errorf("%w: %s", ErrAuth, strings.TrimSpace(m))
		}
	}
	return "", fmt.Errorf("%w: the server starts no session", ErrAuth)
}

// open opens an upload session.
func (c *control) open(ctx context.Context) (hsu.Opened, error) {
	var opened hsu.Opened
	ks, err := c.session(ctx)
	if err != nil {
		return opened, err
	}
	err = c.call(ctx, http.MethodPost, hsu.Path, "KS "+ks, c.o.Open, &opened)
	if err == nil && opened.BlockSize != hsu.BlockSize {
		err = fmt.Errorf("%w: the server wants blocks of %d bytes: it speaks another version", ErrUsage, opened.BlockSize)
	}
	return opened, err
}

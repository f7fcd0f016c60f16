package rpc

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// badRequest is a request that is no call: the answer is an HTTP status, not an exception.
type badRequest struct {
	status int
	err    error
}

func (e badRequest) Error() string { return e.err.Error() }
func (e badRequest) Unwrap() error { return e.err }

// envelope is a request taken apart: one tree of values, from all its sources.
type envelope struct {
	root  *node
	query url.Values
	note  string // what was wrong with a body that counts as none
	spool spool
}

// close removes what the request's files left on disk.
func (e *envelope) close() { e.spool.close() }

// reader reads the envelopes of requests.
type reader struct {
	maxBody, maxUpload int64
	tempDir            string
}

// read takes a request apart. rest is the path after the script. The envelope has to be closed, also after an error.
func (rd *reader) read(w http.ResponseWriter, r *http.Request, rest string) (*envelope, error) {
	e := &envelope{root: &node{kind: object}, spool: spool{dir: rd.tempDir, left: rd.maxUpload}}
	var b budget
	f := &form{root: e.root, budget: &b}
	if err := f.path(rest); err != nil {
		return e, badRequest{http.StatusBadRequest, fmt.Errorf("path: %w", err)}
	}
	if r.URL.RawQuery != "" {
		e.query = r.URL.Query()
		if err := f.query(r.URL.RawQuery); err != nil {
			return e, badRequest{http.StatusBadRequest, fmt.Errorf("query: %w", err)}
		}
	}
	if r.Body == nil || r.Body == http.NoBody {
		return e, nil
	}
	kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		kind, _, _ = strings.Cut(r.Header.Get("Content-Type"), ";")
		kind = strings.ToLower(strings.TrimSpace(kind))
	}
	switch kind {
	case "multipart/form-data":
		if params["boundary"] == "" {
			return e, badRequest{http.StatusBadRequest, errors.New("multipart body without a boundary")}
		}
		return e, rd.multipart(e, f, multipart.NewReader(r.Body, params["boundary"]))
	default:
		body, err := readText(http.MaxBytesReader(w, r.Body, rd.maxBody), r.ContentLength, rd.maxBody)
		if err != nil {
			return e, tooLarge(err)
		}
		return e, rd.body(e, f, kind, body)
	}
}

// path reads the pairs of the path; an empty key ends them.
func (f *form) path(rest string) error {
	rest = strings.TrimLeft(rest, "/")
	seen := map[string]bool{}
	for rest != "" {
		var key, value string
		key, rest, _ = strings.Cut(rest, "/")
		if key == "" {
			return nil
		}
		value, rest, _ = strings.Cut(rest, "/")
		if k, err := url.PathUnescape(key); err == nil {
			key = k
		}
		if v, err := url.PathUnescape(value); err == nil {
			value = v
		}
		if seen[key] {
			continue
		}
		seen[key] = true
		if err := f.text(key, value); err != nil {
			return err
		}
	}
	return nil
}

// body reads a body that is no multipart: a JSON object, an array for a multirequest, or a form.
func (rd *reader) body(e *envelope, f *form, kind, body string) error {
	var err error
	switch {
	case kind == "application/json":
		err = f.json(e, body)
	case kind == "application/x-www-form-urlencoded", !strings.ContainsAny(body, "\n\r") && strings.Contains(body, "="):
		err = f.query(strings.TrimSpace(body))
	}
	if err != nil {
		return badRequest{http.StatusBadRequest, fmt.Errorf("body: %w", err)}
	}
	return nil
}

// json fills in the values of a JSON body. One that is neither an object nor an array counts as none.
func (f *form) json(e *envelope, body string) error {
	body = strings.Trim(body, " \t\r\n\x00\x0b\ufeff")
	if body == "" {
		return nil
	}
	n, err := parseJSON(body, f.budget)
	switch {
	case errors.Is(err, errJSON):
		e.note = "the body counts as none: " + err.Error()
		return nil
	case err != nil:
		return err
	case n.kind == object:
		return f.object(n)
	case n.kind == list:
		o := &node{kind: object}
		for i, item := range n.list {
			o.add(fmt.Sprint(i), item)
		}
		return f.object(o)
	default:
		e.note = "the body counts as none: not a JSON object"
		return nil
	}
}

// multipart reads a form with files. With a part named json that part is the body, and other texts do not count.
func (rd *reader) multipart(e *envelope, f *form, mr *multipart.Reader) error {
	type field struct{ name, value string }
	var fields []field
	var jsonBody string
	hasJSON, left := false, rd.maxBody
	for {
		part, err := mr.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return tooLarge(fmt.Errorf("multipart body: %w", err))
		}
		name := part.FormName()
		if name == "" {
			continue
		}
		if part.FileName() != "" {
			up, err := e.spool.save(part.FileName(), part)
			if err != nil {
				return err
			}
			if err := f.set(name, &node{kind: file, file: up}); err != nil {
				return badRequest{http.StatusBadRequest, fmt.Errorf("multipart body: %w", err)}
			}
			continue
		}
		value, err := readText(io.LimitReader(part, left+1), -1, left)
		if err != nil {
			return tooLarge(fmt.Errorf("multipart body: %w", err))
		}
		left -= int64(len(value) + len(name))
		if left < 0 {
			return tooLarge(&http.MaxBytesError{Limit: rd.maxBody})
		}
		if name == "json" {
			hasJSON, jsonBody = true, value
			continue
		}
		fields = append(fields, field{name, value})
	}
	var err error
	if hasJSON {
		err = f.json(e, jsonBody)
	} else {
		for _, v := range fields {
			if err = f.text(v.name, v.value); err != nil {
				break
			}
		}
	}
	if err != nil {
		return badRequest{http.StatusBadRequest, fmt.Errorf("multipart body: %w", err)}
	}
	return nil
}

// readText reads a text; size is how long it says it is, or -1, and limit how long it may be.
func readText(r io.Reader, size, limit int64) (string, error) {
	b := make([]byte, 0, max(min(size, limit, 1<<20)+1, 512))
	for {
		n, err := r.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		if errors.Is(err, io.EOF) {
			return string(b), nil
		}
		if err != nil {
			return "", err
		}
		if len(b) == cap(b) {
			b = slices.Grow(b, len(b))
		}
	}
}

// tooLarge says what a body that could not be read was: too large, or broken.
func tooLarge(err error) error {
	var limit *http.MaxBytesError
	if errors.As(err, &limit) {
		return badRequest{http.StatusRequestEntityTooLarge, fmt.Errorf("body over %d bytes", limit.Limit)}
	}
	return badRequest{http.StatusBadRequest, fmt.Errorf("read body: %w", err)}
}

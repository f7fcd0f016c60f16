package tus

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
)

// Limits of the fields of a form.
const (
	maxFields     = 64
	maxFieldBytes = 64 << 10
)

// Form returns the handler of POST multipart/form-data: fields as the metadata of tus has them ("ks", "name", "referenceId", …;
// "sha256" of the content), then the file. The file is stored as it comes, so it must be the last part; fields may be in the
// query as well. It answers 201 with a Received, or 200 when the file was here before.
func (s *Server) Form() http.Handler { return s.plain(wayForm, s.form) }

func (s *Server) form(q *request, w http.ResponseWriter, r *http.Request) (Received, error) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", "POST, OPTIONS")
		return Received{}, &Refusal{http.StatusMethodNotAllowed, "ERR_METHOD", r.Method + " is not possible here"}
	}
	kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/form-data" || params["boundary"] == "" {
		return Received{}, &Refusal{http.StatusUnsupportedMediaType, "ERR_INVALID_CONTENT_TYPE", "send multipart/form-data"}
	}
	if limit := s.cfg.Engine.Limit(); r.ContentLength > limit+maxFields*maxFieldBytes {
		return Received{}, &Refusal{http.StatusRequestEntityTooLarge, "ERR_MAX_SIZE_EXCEEDED", fmt.Sprintf("files may have %d bytes", limit)}
	}
	meta := map[string]string{}
	for k, v := range r.URL.Query() {
		meta[k] = v[0]
	}
	// A session in a header or in the query is known before anything of the body is asked for.
	known := false
	q.sender, err = s.cfg.Auth(r, "")
	var refusal *Refusal
	switch {
	case err == nil:
		known = true
	case !errors.As(err, &refusal) || refusal.Code != codeNoSession:
		return Received{}, err
	}
	parts := multipart.NewReader(silence(w, r.Body), params["boundary"])
	for n := 0; n <= maxFields; n++ {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return Received{}, &Refusal{http.StatusBadRequest, "ERR_FORM", "the form has no file"}
		}
		if err != nil {
			return Received{}, fmt.Errorf("%w: %w", errCut, err)
		}
		if part.FileName() == "" {
			if meta[part.FormName()], err = field(part); err != nil {
				return Received{}, err
			}
			continue
		}
		if !known {
			if q.sender, err = s.cfg.Auth(r, meta["ks"]); err != nil {
				return Received{}, err
			}
		}
		if meta["filename"] == "" {
			meta["filename"] = part.FileName()
		}
		f := file{way: wayForm, meta: meta, size: -1, body: part, digests: func() ([]digest, error) { return digestOfField(meta["sha256"]) }}
		return s.take(r.Context(), q, f)
	}
	return Received{}, &Refusal{http.StatusBadRequest, "ERR_FORM", fmt.Sprintf("more than %d fields come before the file", maxFields)}
}

// codeNoSession is the code of a refusal that says that a request has no session.
const codeNoSession = "MISSING_KS"

// field reads the value of a form's field.
func field(part *multipart.Part) (string, error) {
	b, err := io.ReadAll(io.LimitReader(part, maxFieldBytes+1))
	if err != nil {
		return "", fmt.Errorf("%w: %w", errCut, err)
	}
	if len(b) > maxFieldBytes {
		return "", &Refusal{http.StatusRequestEntityTooLarge, "ERR_FORM", fmt.Sprintf("field %q has more than %d bytes", part.FormName(), maxFieldBytes)}
	}
	return string(b), nil
}

package server

import (
	"compress/gzip"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"sluice/catalog"
	"sluice/ingest"
	"sluice/ingest/content"
	"sluice/ingest/hsu"
	"sluice/ingest/quota"
	"sluice/storage"
)

// Bounds of request bodies.
const maxBody = 8 << 20

// refusal is an error with its code on the wire.
type refusal struct {
	code string
	err  error
}

func (r refusal) Error() string { return r.err.Error() }
func (r refusal) Unwrap() error { return r.err }

func invalid(format string, args ...any) error {
	return refusal{hsu.CodeInvalid, fmt.Errorf(format, args...)}
}

var statuses = map[string]int{
	hsu.CodeSession: http.StatusUnauthorized, hsu.CodeForbidden: http.StatusForbidden, hsu.CodeExpired: http.StatusGone,
	hsu.CodeQuota: http.StatusInsufficientStorage, hsu.CodeInvalid: http.StatusBadRequest, hsu.CodeNotFound: http.StatusNotFound,
	hsu.CodeInternal: http.StatusInternalServerError,
}

func codeOf(err error) string {
	var r refusal
	switch {
	case errors.As(err, &r):
		return r.code
	case errors.Is(err, ErrSession):
		return hsu.CodeSession
	case errors.Is(err, ErrForbidden):
		return hsu.CodeForbidden
	case quota.Refused(err), errors.Is(err, catalog.ErrQuota), errors.Is(err, storage.ErrFull):
		return hsu.CodeQuota
	case errors.Is(err, catalog.ErrNotFound), content.KindOf(err) == content.NoEntry:
		return hsu.CodeNotFound
	case errors.Is(err, catalog.ErrInvalid), errors.Is(err, ingest.ErrName), content.KindOf(err) != "":
		return hsu.CodeInvalid
	}
	return hsu.CodeInternal
}

// fail answers a request with an error. What is not the client's doing is logged, and told in general words only.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	code := codeOf(err)
	text := err.Error()
	if code == hsu.CodeInternal {
		text = "the server failed; it can be tried again"
		if r.Context().Err() == nil {
			s.cfg.Log.Error("high-speed upload: request failed", "path", r.URL.Path, "error", err)
		}
	}
	refusals.WithLabelValues(strings.ReplaceAll(code, " ", "_")).Inc()
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(statuses[code])
	_ = json.NewEncoder(w).Encode(hsu.Failure{Code: code, Message: text})
}

// answer tells in passing which codings of requests' bodies are understood (RFC 9110 §12.5.3).
func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Accept-Encoding", "gzip")
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

// decode reads a request's body, which is bounded before and after it is unpacked.
func decode(w http.ResponseWriter, r *http.Request, v any) error {
	body := http.MaxBytesReader(w, r.Body, maxBody)
	switch coding := r.Header.Get("Content-Encoding"); coding {
	case "":
	case "gzip":
		z, err := gzip.NewReader(body)
		if err != nil {
			return invalid("the request's body: %w", err)
		}
		body = http.MaxBytesReader(w, z, maxBody)
	default:
		return invalid("the request's body: coding %q is not understood", coding)
	}
	d := json.NewDecoder(body)
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return invalid("the request's body: %w", err)
	}
	return nil
}

// in finds the session that a request is for, and checks that the request shows its token.
func (s *Server) in(do func(x *session, w http.ResponseWriter, r *http.Request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		x, err := s.enter(r)
		if err == nil {
			defer x.release()
			err = do(x, w, r)
		}
		if err != nil {
			s.fail(w, r, err)
		}
	}
}

func (s *Server) enter(r *http.Request) (*session, error) {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	t, err := s.cfg.Catalog.Transfer(r.Context(), catalog.TransferID(r.PathValue("id")))
	// A session that does not exist is no different from one of somebody else.
	if errors.Is(err, catalog.ErrNotFound) || err == nil && (!ok || subtle.ConstantTimeCompare([]byte(secretOf(token)), []byte(t.Secret)) != 1) {
		return nil, refusal{hsu.CodeSession, errors.New("the token is not of this upload session")}
	}
	if err != nil {
		return nil, err
	}
	if t.Status != catalog.TransferOpen || time.Since(t.UpdatedAt) > s.cfg.Lifetime {
		s.eject(t.ID)
		return nil, refusal{hsu.CodeExpired, errors.New("the upload session is over")}
	}
	return s.session(r.Context(), t)
}

func secretOf(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

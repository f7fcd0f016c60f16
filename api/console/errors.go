package console

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"sluice/catalog"
)

// Codes of errors in the JSON interface; they are stable, the messages are not.
const (
	codeInvalid       = "invalid_argument"
	codeNotFound      = "not_found"
	codeConflict      = "conflict"
	codeForbidden     = "forbidden"
	codeWrongHost     = "wrong_host"
	codeMethod        = "method_not_allowed"
	codeTooMany       = "too_many_streams"
	codeUnavailable   = "unavailable"
	codeInternal      = "internal"
	statusClientClose = 499 // the client went away; never sent, only counted
)

// refusal is an error with the answer that the client gets for it.
type refusal struct {
	Status  int    `json:"-"`
	Code    string `json:"code"`
	Message string `json:"message"`
}

func (e *refusal) Error() string { return e.Code + ": " + e.Message }

func refuse(status int, code, format string, args ...any) *refusal {
	return &refusal{Status: status, Code: code, Message: fmt.Sprintf(format, args...)}
}

// answerFor turns any error into the client's answer. What is not the client's doing is not explained to it.
func answerFor(err error) *refusal {
	var r *refusal
	switch {
	case errors.As(err, &r):
		return r
	case errors.Is(err, catalog.ErrNotFound):
		return refuse(http.StatusNotFound, codeNotFound, "%v", err)
	case errors.Is(err, catalog.ErrConflict):
		return refuse(http.StatusConflict, codeConflict, "%v", err)
	case errors.Is(err, catalog.ErrInvalid):
		return refuse(http.StatusBadRequest, codeInvalid, "%v", err)
	case errors.Is(err, context.DeadlineExceeded):
		return refuse(http.StatusServiceUnavailable, codeUnavailable, "the catalog did not answer in time")
	}
	return refuse(http.StatusInternalServerError, codeInternal, "the server failed; its log has the reason")
}

// endpoint makes a handler of a function that returns its failure: it counts, bounds, logs and answers in one place. The
// label is the route's pattern, never the path.
func (c *Console) endpoint(label string, h func(http.ResponseWriter, *http.Request) error) http.Handler {
	return c.reading(label, smallBody, h)
}

// smallBody is more than any route needs that reads no body.
const smallBody = 4 << 10

// reading is endpoint for a route that reads a body of up to limit bytes.
func (c *Console) reading(label string, limit int64, h func(http.ResponseWriter, *http.Request) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		w.Header().Set("Cache-Control", "no-store")
		r.Body = http.MaxBytesReader(w, r.Body, limit)
		status := http.StatusOK
		if err := h(w, r); err != nil {
			status = c.fail(w, r, err)
		}
		requestSeconds.WithLabelValues(label, statusClass(status)).Observe(time.Since(start).Seconds())
	})
}

// fail answers a request with an error and returns the status.
func (c *Console) fail(w http.ResponseWriter, r *http.Request, err error) int {
	if r.Context().Err() != nil {
		return statusClientClose
	}
	answer := answerFor(err)
	if answer.Code == codeInternal {
		c.cfg.Logger.LogAttrs(r.Context(), slog.LevelError, "console request failed",
			slog.String("method", r.Method), slog.String("path", r.URL.Path), slog.Any("error", err))
	}
	writeJSON(w, answer.Status, map[string]*refusal{"error": answer})
	return answer.Status
}

func statusClass(status int) string { return string(rune('0'+status/100)) + "xx" }

func methodNotAllowed(methods []string) func(http.ResponseWriter, *http.Request) error {
	allow := strings.Join(slices.Sorted(slices.Values(methods)), ", ")
	return func(w http.ResponseWriter, r *http.Request) error {
		w.Header().Set("Allow", allow)
		return refuse(http.StatusMethodNotAllowed, codeMethod, "%s is not possible here; %s is", r.Method, allow)
	}
}

// writeJSON answers with a value. The status is out by the time an encoding could fail, and every value here is ours, so a
// failure can only be a client that went away.
func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

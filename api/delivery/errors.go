package delivery

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"

	"sluice/catalog"
)

// Numbers of delivery errors, as clients know them.
const (
	entryNotFound    = 1
	notScheduled     = 2
	accessControl    = 3
	sessionMalformed = 4
	fileNotFound     = 5
	flavorNotFound   = 6
	sessionInvalid   = 7
	entryDeleted     = 9
	noThumbnail      = 10
	wrongEntryType   = 12
	moderated        = 13
	accountInactive  = 15
	maxBitrateError  = 19
	parameterMissing = 20
	badQuery         = 25
	badToken         = 27
	sessionExpired   = 31
	accountMismatch  = 32
	notLive          = 36
	captureForbidden = 38
	minBitrateError  = 49
	badParameter     = 50
	rateLimit        = 57
)

// failure is a refused request.
type failure struct {
	number int
	reason string
	err    error
}

func (f *failure) Error() string {
	if f.err != nil {
		return f.reason + ": " + f.err.Error()
	}
	return f.reason
}

func (f *failure) Unwrap() error { return f.err }

func fail(number int, format string, args ...any) error {
	return &failure{number: number, reason: fmt.Sprintf(format, args...)}
}

// refuse answers with an error: a status, its number and reason in headers, and no body.
func refuse(w http.ResponseWriter, err error) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Del("Content-Disposition")
	var f *failure
	switch {
	case errors.As(err, &f):
	case errors.Is(err, catalog.ErrNotFound):
		f = &failure{number: entryNotFound, reason: "entry not found"}
	default:
		slog.Error("delivery", "error", err)
		h.Set("X-Kaltura", "error-INTERNAL_SERVERL_ERROR")
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	mark(h, f.number, f.reason)
	w.WriteHeader(http.StatusNotFound)
}

// mark sets the headers of an error.
func mark(h http.Header, number int, reason string) {
	n := strconv.Itoa(number)
	h.Set("X-Kaltura", "error-"+n)
	h.Set("X-Kaltura-App", "exiting on error "+n+" - "+reason)
}

// Refused marks the origin's refusals of flavors' URLs as errors of this package; it is the origin's Config.Refused.
func Refused(h http.Header, r *http.Request, status int, _ error) (silent bool) {
	_, _, served := cutServed(r.URL.Path)
	if !served {
		return false
	}
	switch status {
	case http.StatusForbidden:
		if token(r.URL.Path) == "" {
			mark(h, accessControl, "access control")
		} else {
			mark(h, badToken, "bad URL token")
		}
	case http.StatusNotFound:
		mark(h, flavorNotFound, "flavor not found")
	case http.StatusBadRequest:
		mark(h, badQuery, "bad query")
	default:
		mark(h, fileNotFound, http.StatusText(status))
	}
	return true
}

package origin

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"sluice/packager/dash"
	"sluice/packager/hls"
	"sluice/packager/ts"
	"sluice/packager/uri"
)

// failure is an error response: its status and the reason shown to the client.
type failure struct {
	status int
	reason string
	err    error
}

func (f *failure) Error() string {
	if f.err == nil {
		return f.reason
	}
	return f.reason + ": " + f.err.Error()
}

func (f *failure) Unwrap() error { return f.err }

func fail(status int, format string, args ...any) error {
	return &failure{status: status, reason: fmt.Sprintf(format, args...)}
}

// failureOf gives any error its HTTP class. Errors of storage and of resolvers keep their text to themselves.
func failureOf(err error) *failure {
	var f *failure
	var u *uri.Error
	switch {
	case errors.As(err, &f):
		return f
	case errors.As(err, &u):
		return &failure{u.Status, u.Reason, nil}
	case errors.Is(err, ErrNotFound):
		return &failure{http.StatusNotFound, ErrNotFound.Error(), err}
	case errors.Is(err, ErrForbidden):
		return &failure{http.StatusForbidden, ErrForbidden.Error(), err}
	case errors.Is(err, ErrGone):
		return &failure{http.StatusGone, ErrGone.Error(), err}
	case errors.Is(err, hls.ErrNothing), errors.Is(err, dash.ErrNothing):
		return &failure{http.StatusNotFound, "there is nothing to play here, or not yet", err}
	case errors.Is(err, ts.ErrUnsupported):
		return &failure{http.StatusNotFound, "MPEG-TS cannot carry this track's format", err}
	case errors.Is(err, context.DeadlineExceeded):
		return &failure{http.StatusGatewayTimeout, "storage did not answer in time", err}
	}
	return &failure{http.StatusBadGateway, "the media cannot be read", err}
}

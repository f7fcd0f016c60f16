package uri

import "net/http"

// Error says why a path is not served: an HTTP class and a reason fit for the client.
type Error struct {
	Status int // 400, 404, 410 or 501
	Reason string
}

// Error implements error.
func (e *Error) Error() string { return e.Reason }

func bad(reason string) error         { return &Error{http.StatusBadRequest, reason} }
func notFound(reason string) error    { return &Error{http.StatusNotFound, reason} }
func gone(reason string) error        { return &Error{http.StatusGone, reason} }
func unsupported(reason string) error { return &Error{http.StatusNotImplemented, reason} }

package rpc

import (
	"context"
	"io"
	"net/http"
	"net/netip"
	"time"

	"sluice/api/rpc/ks"
	"sluice/catalog"
)

// Call is one call of an action: the request's context and who asks for what.
type Call struct {
	context.Context
	// Account acts; zero when the action needs none.
	Account catalog.Account
	// Session is nil for anonymous calls.
	Session *ks.Session
	// Request is the HTTP request that carries the call, shared by all calls of a multirequest; its body is consumed.
	Request *http.Request
	// Base is scheme and host as the client sees them, for URLs in answers: "https://media.example.com".
	Base      string
	ClientIP  netip.Addr
	ClientTag string
	Language  string
	// Now is the time that relative times count from and schedules are compared with: the clock, or the session's reftime.
	Now time.Time
}

// AccountID is the acting account's id; every query of an action is bound to it.
func (c *Call) AccountID() catalog.AccountID { return c.Account.ID }

// Admin says whether the session is an administrator's.
func (c *Call) Admin() bool { return c.Session != nil && c.Session.Admin() }

// User is the session's user id; empty when it has none.
func (c *Call) User() string {
	if c.Session == nil {
		return ""
	}
	return c.Session.User
}

// May says whether the session carries the privilege for the object (or for all objects).
func (c *Call) May(privilege, object string) bool {
	return c.Session != nil && c.Session.Has(privilege, object)
}

// Upload is a file parameter. It stays readable until the call returns.
type Upload struct {
	Name string // as the client says; never a path
	Size int64
	Open func() (io.ReadCloser, error)
}

// File is the result of an action that answers with a file: ServeHTTP writes headers and body. On error the action
// returns an *Error instead.
type File struct {
	http.Handler
	// Cache is the Cache-Control of an answer that may be kept; without one nobody keeps it.
	Cache string
}

// Sessions turns a session token into a session, or into an *Error with code INVALID_KS.
type Sessions interface {
	// Open parses and validates a token: signature, expiry, revocation, ip and uri restrictions.
	Open(ctx context.Context, token string, from ks.Origin) (*ks.Session, error)
	// Count spends one of the session's limited actions, or returns the exception that says none is left.
	Count(ctx context.Context, s *ks.Session) error
	// Permits says whether the session's role lets it call service.action (both lower case).
	Permits(ctx context.Context, s *ks.Session, service, action string) (bool, error)
}

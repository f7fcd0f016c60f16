package upload

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"strings"

	"sluice/api/rpc"
	"sluice/api/rpc/ks"
	"sluice/catalog"
	"sluice/ingest/tus"
)

// Door knows the senders of uploads that come beside the API's calls, by the same sessions.
type Door struct {
	Sessions rpc.Sessions
	Accounts rpc.Accounts
	// ClientIP says where a request comes from.
	ClientIP func(r *http.Request) netip.Addr
}

// accountActive is the status of accounts that may be used.
const accountActive = 1

// Sender says who sends a request, by the session in its Authorization header ("KS …"), in X-Kaltura-Ks, in its query ("ks") or,
// without these, in session. What a session may do is what it may do with uploadToken.upload. Errors are *tus.Refusal, or
// failures of what sessions are kept in.
func (d *Door) Sender(r *http.Request, session string) (tus.Sender, error) {
	token := tokenOf(r, session)
	if token == "" {
		return tus.Sender{}, &tus.Refusal{Status: http.StatusUnauthorized, Code: "MISSING_KS", Text: "this needs a session: send the header Authorization: KS <session>"}
	}
	s, err := d.open(r, token)
	if err != nil {
		return tus.Sender{}, refusal(err)
	}
	return tus.Sender{Account: s.Account, User: s.User, All: s.Admin()}, nil
}

func tokenOf(r *http.Request, session string) string {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if strings.EqualFold(scheme, "KS") || strings.EqualFold(scheme, "Bearer") {
		return strings.TrimSpace(token)
	}
	if h := r.Header.Get("X-Kaltura-Ks"); h != "" {
		return h
	}
	if q := r.URL.Query().Get("ks"); q != "" {
		return q
	}
	return session
}

// open opens a session and checks that it, its account and its role may upload.
func (d *Door) open(r *http.Request, token string) (*ks.Session, error) {
	ctx := r.Context()
	s, err := d.Sessions.Open(ctx, token, ks.Origin{IP: d.ClientIP(r), URI: r.URL.RequestURI()})
	if err != nil {
		return nil, err
	}
	account, err := d.Accounts.Account(ctx, s.Account)
	switch {
	case errors.Is(err, catalog.ErrNotFound) || err == nil && account.Status != accountActive:
		return nil, rpc.E("SERVICE_FORBIDDEN_CONTENT_BLOCKED")
	case err != nil:
		return nil, err
	}
	forbidden := rpc.E("SERVICE_FORBIDDEN", "SERVICE", "uploadToken->upload")
	if _, limited := s.Value("limitentry"); limited || s.Widget() {
		return nil, forbidden
	}
	ok, err := d.Sessions.Permits(ctx, s, "uploadtoken", "upload")
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, forbidden
	}
	return s, d.count(ctx, r, s)
}

// count spends one of a session's limited actions for each file.
func (d *Door) count(ctx context.Context, r *http.Request, s *ks.Session) error {
	if _, limited := s.Value("actionslimit"); !limited || r.Method != http.MethodPost && r.Method != http.MethodPut {
		return nil
	}
	return d.Sessions.Count(ctx, s)
}

// refusal is an exception as the answer to an upload.
func refusal(err error) error {
	var e *rpc.Error
	if !errors.As(err, &e) {
		return err
	}
	status := http.StatusForbidden
	if e.Code == "INVALID_KS" {
		status = http.StatusUnauthorized
	}
	return &tus.Refusal{Status: status, Code: e.Code, Text: e.Message()}
}

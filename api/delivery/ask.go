package delivery

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"sluice/api/rpc"
	"sluice/api/rpc/access"
	"sluice/api/rpc/ks"
	"sluice/api/rpc/sources"
	"sluice/catalog"
)

// ask is a request with what it names.
type ask struct {
	*http.Request
	params
	partner catalog.AccountID
	session *ks.Session
	invalid error // what is wrong with the session that the request names

	entry  catalog.Entry
	assets []catalog.Asset
	access access.Decision
}

// ask reads the request, and opens its session where it names one.
func (s *Service) ask(r *http.Request, partner catalog.AccountID, rest string) *ask {
	a := &ask{Request: r, params: readParams(rest, r.URL.RawQuery), partner: partner}
	token := a.params["ks"]
	if token == "" {
		token = r.Header.Get("X-Kaltura-Ks")
	}
	if token == "" {
		return a
	}
	var err error
	if a.session, err = s.cfg.Sessions.Open(r.Context(), token, ks.Origin{IP: s.cfg.ClientIP(r), URI: r.URL.RequestURI()}); err != nil {
		a.session, a.invalid = nil, sessionError(err)
	}
	return a
}

// sessionError gives the exception for a session its number.
func sessionError(err error) error {
	var e *rpc.Error
	if !errors.As(err, &e) {
		return err
	}
	number, reason := sessionInvalid, "session invalid"
	for _, arg := range e.Args {
		switch {
		case arg.Value == "EXPIRED":
			number, reason = sessionExpired, "session expired"
		case arg.Name == "ERR_CODE" && arg.Value == "-1" && number == sessionInvalid:
			number, reason = sessionMalformed, "session unreadable"
		}
	}
	return &failure{number: number, reason: reason, err: err}
}

// find looks up the entry that the request names, and what the request may do with it. A session must be valid, save that
// pictures don't ask for one where there are no rules about them.
func (s *Service) find(a *ask, id string, context access.Context) error {
	if id == "" {
		return fail(parameterMissing, "no entry named")
	}
	e, assets, err := s.cfg.Entry(a.Context(), catalog.EntryID(id))
	switch {
	case errors.Is(err, catalog.ErrNotFound) && context == access.Thumbnail && s.deleted(a, id):
		return fail(entryDeleted, "the entry was deleted")
	case errors.Is(err, catalog.ErrNotFound):
		return fail(entryNotFound, "entry not found")
	case err != nil:
		return err
	case e.Account != a.partner:
		return fail(entryNotFound, "entry not found")
	case a.invalid != nil && context != access.Thumbnail:
		return a.invalid
	case a.session != nil && a.session.Account != e.Account:
		a.session, a.invalid = nil, fail(accountMismatch, "the session is another account's")
		if context != access.Thumbnail {
			return a.invalid
		}
	}
	account, err := s.cfg.Guard.Account(a.Context(), e.Account)
	switch {
	case err != nil:
		return err
	case account.Status != 1:
		return fail(accountInactive, "account inactive")
	}
	a.entry, a.assets = e, assets
	ref := a.params["referrer"]
	if ref == "" {
		ref = a.Referer()
	} else {
		ref = referrer(ref)
	}
	now := time.Now()
	if a.session != nil {
		now = a.session.Time(now)
	}
	a.access, err = s.cfg.Guard.Decide(a.Context(), e, &access.Request{
		Contexts: []access.Context{context}, Session: a.session, IP: s.cfg.ClientIP(a.Request), Referrer: ref, UserAgent: a.UserAgent(), Header: a.Header, Now: now,
	})
	if err == nil && (a.access.Ruled || a.access.Private) {
		err = a.invalid
	}
	return err
}

// deleted says whether the entry was one of the account's: players tell such pictures from those that never were.
func (s *Service) deleted(a *ask, id string) bool {
	e, err := s.cfg.Guard.Catalog.EntryByID(a.Context(), catalog.EntryID(id))
	return err == nil && e.Account == a.partner && e.Status == catalog.EntryDeleted
}

// allowed refuses what the request may not have.
func (a *ask) allowed() error {
	switch {
	case !a.access.Entitled:
		return fail(entryNotFound, "entry not found")
	case a.access.Moderated:
		return fail(moderated, "the entry awaits moderation")
	case !a.access.Scheduled:
		return fail(notScheduled, "not scheduled now")
	case a.access.Blocked():
		return fail(accessControl, "access control")
	}
	return nil
}

// urls writes the entry's URLs for this request.
func (s *Service) urls(a *ask) (*sources.URLs, error) {
	u := &sources.URLs{Base: s.base(a), Entry: a.entry, Tracks: a.params["tracks"]}
	restricted, err := s.cfg.Guard.Restricted(a.Context(), a.entry)
	if err != nil {
		return nil, err
	}
	if restricted {
		if s.cfg.Signer == nil {
			return nil, fail(accessControl, "restricted entries need keys for signed URLs")
		}
		u.Signer = s.cfg.Signer
	}
	if u.From, err = a.ms("seekFrom"); err != nil {
		return nil, err
	}
	if u.To, err = a.ms("clipTo"); err != nil {
		return nil, err
	}
	if p := a.access.Preview().Milliseconds(); p > 0 && (u.To == 0 || p < u.To) {
		u.To = p
	}
	if u.To > 0 && u.To <= u.From {
		return nil, fail(badParameter, "the clip is empty")
	}
	return u, nil
}

// base is scheme and host of the URLs in the answer: the scheme that protocol asks for, save that what was reached over
// plain HTTP on this machine itself stays so.
func (s *Service) base(a *ask) string {
	base := s.cfg.Base(a.Request)
	scheme, host, ok := strings.Cut(base, "://")
	if host = a.access.Host(host); strings.ContainsAny(host, "/?#\"<> ") {
		return base // a rule made no host
	}
	base = scheme + "://" + host
	want := a.params["protocol"]
	if !ok || want != "http" && want != "https" || want == scheme {
		return base
	}
	if want == "https" && local(host) {
		return base
	}
	return want + "://" + host
}

func local(host string) bool {
	for _, l := range []string{"localhost", "127.", "[::1]"} {
		if strings.HasPrefix(host, l) {
			return true
		}
	}
	return false
}

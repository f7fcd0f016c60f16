package account

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"slices"

	"sluice/api/rpc"
	"sluice/api/rpc/kaltura"
	"sluice/api/rpc/ks"
	"sluice/catalog"
)

func (s *Service) registerSession(r *rpc.Registry) {
	v := r.Service("session", "Starts and ends sessions.")
	rpc.Action(v, "start", "Starts a session with a secret of the account.", s.startSession, rpc.For(rpc.Public))
	rpc.Action(v, "startWidgetSession", "Starts a session for a player.", s.startWidgetSession, rpc.For(rpc.Public))
	rpc.Action(v, "get", "Tells of a session.", s.getSession, rpc.For(rpc.WidgetSession))
	rpc.Action(v, "end", "Ends the session of the call.", s.endSession, rpc.For(rpc.Public))
	rpc.Action(v, "impersonate", "Starts a session of another account that lets this one act for it.", s.impersonate, rpc.For(rpc.Public))
	rpc.Action(v, "impersonateByKs", "Starts a session like a given one.", s.impersonateByKs, rpc.For(rpc.AdminSession))
}

type startIn struct {
	Secret     string              `k:"secret"`
	UserID     string              `k:"userId" default:"" ref:"-"`
	Type       kaltura.SessionType `k:"type" default:"0"`
	PartnerID  int64               `k:"partnerId" default:"0" ref:"-"`
	Expiry     int64               `k:"expiry" default:"86400"`
	Privileges string              `k:"privileges" default:""`
}

func (s *Service) startSession(c *rpc.Call, in startIn) (string, error) {
	id := catalog.AccountID(in.PartnerID)
	if err := s.authenticate(c, "start", id, in.Secret, int(in.Type)); err != nil {
		return "", err
	}
	session := &ks.Session{Account: id, User: in.UserID, Type: int(in.Type), Privileges: ks.ParsePrivileges(in.Privileges)}
	err := s.startAs(c, session, in.Expiry)
	return session.Token, err
}

func (s *Service) startAs(c *rpc.Call, session *ks.Session, expiry int64) error {
	return s.Sessions.start(c, session, seconds(expiry))
}

// authenticate checks a secret. User sessions may be started with either kind.
func (s *Service) authenticate(c *rpc.Call, action string, id catalog.AccountID, secret string, kind int) error {
	keys := []string{attempt("secret", id, origin(c.ClientIP))}
	ok, blocked, err := s.Sessions.guarded(c, "session."+action, keys, func() (bool, error) {
		t, err := s.Sessions.tenants.get(c, id)
		if errors.Is(err, catalog.ErrNotFound) {
			return false, nil
		}
		now := s.Sessions.now()
		good := t.valid(catalog.AdminSecret, now)
		if kind == ks.UserType {
			good = append(good, t.valid(catalog.UserSecret, now)...)
		}
		return oneOf(good, secret), err
	})
	switch {
	case err != nil:
		return err
	case blocked:
		return rpc.E("ACTION_BLOCKED", "ACTION_NAME", action, "SERVICE_NAME", "session")
	case !ok:
		return startError(id)
	}
	return nil
}

// oneOf says whether a secret is among the good ones, in a time that does not tell how near it is.
func oneOf(good []string, secret string) bool {
	got, found := sha256.Sum256([]byte(secret)), 0
	for _, g := range good {
		want := sha256.Sum256([]byte(g))
		found |= subtle.ConstantTimeCompare(want[:], got[:])
	}
	return found == 1
}

func (s *Service) getSession(c *rpc.Call, in struct {
	Session string `k:"session" default:""`
}) (*kaltura.SessionInfo, error) {
	session := c.Session
	if in.Session != "" {
		var err error
		if session, err = s.Sessions.Open(c, in.Session, ks.Origin{IP: c.ClientIP, URI: c.Request.URL.RequestURI()}); err != nil {
			return nil, err
		}
		if session.Account != c.AccountID() {
			return nil, forbidden(c.AccountID(), session.Account)
		}
	}
	return kaltura.SessionInfoOf(session), nil
}

func forbidden(by, of catalog.AccountID) *rpc.Error {
	return rpc.E("PARTNER_ACCESS_FORBIDDEN", "ACCESSING_PID", decimal(by), "ACCESSED_PID", decimal(of))
}

// endSession leaves widget sessions alone: players share them.
func (s *Service) endSession(c *rpc.Call, _ rpc.None) (rpc.Void, error) {
	if c.Session == nil || c.Session.Widget() {
		return rpc.Void{}, nil
	}
	return rpc.Void{}, s.Sessions.End(c, c.Session)
}

func (s *Service) impersonate(c *rpc.Call, in struct {
	Secret       string              `k:"secret"`
	Impersonated int64               `k:"impersonatedPartnerId" ref:"-"`
	UserID       string              `k:"userId" default:"" ref:"-"`
	Type         kaltura.SessionType `k:"type" default:"0"`
	PartnerID    int64               `k:"partnerId" default:"0" ref:"-"`
	Expiry       int64               `k:"expiry" default:"86400"`
	Privileges   string              `k:"privileges" default:""`
}) (string, error) {
	master, id := catalog.AccountID(in.PartnerID), catalog.AccountID(in.Impersonated)
	if err := s.authenticate(c, "impersonate", master, in.Secret, ks.AdminType); err != nil {
		return "", err
	}
	if err := s.mayActFor(c, master, id); err != nil {
		return "", err
	}
	session := &ks.Session{Account: id, User: in.UserID, Type: int(in.Type), Privileges: ks.ParsePrivileges(in.Privileges), Master: master}
	err := s.startAs(c, session, in.Expiry)
	return session.Token, err
}

// mayActFor says whether an account may start sessions of another one. An unknown account is no different from one that
// may not be acted for.
func (s *Service) mayActFor(c *rpc.Call, master, id catalog.AccountID) error {
	if master == id {
		return nil
	}
	account, err := s.Sessions.Account(c, master)
	if err != nil {
		return wire(err, startError(master), "partnerId")
	}
	if account.Status != catalog.AccountActive || !slices.Contains(account.Details.ActsFor, id) {
		return forbidden(master, id)
	}
	return nil
}

func (s *Service) impersonateByKs(c *rpc.Call, in struct {
	Session    string               `k:"session"`
	Type       *kaltura.SessionType `k:"type"`
	Expiry     *int64               `k:"expiry"`
	Privileges *string              `k:"privileges"`
}) (*kaltura.SessionInfo, error) {
	given, err := s.Sessions.Open(c, in.Session, ks.Origin{IP: c.ClientIP, URI: c.Request.URL.RequestURI()})
	if err != nil {
		return nil, err
	}
	if err := s.mayActFor(c, c.AccountID(), given.Account); err != nil {
		return nil, err
	}
	session := &ks.Session{Account: given.Account, User: given.User, Type: given.Type, Privileges: given.Privileges}
	if in.Type != nil {
		session.Type = int(*in.Type)
	}
	if in.Privileges != nil {
		session.Privileges = ks.ParsePrivileges(*in.Privileges)
	}
	if c.AccountID() != given.Account {
		session.Master = c.AccountID()
	}
	if err := s.startAs(c, session, kaltura.Value(in.Expiry)); err != nil {
		return nil, err
	}
	info := kaltura.SessionInfoOf(session)
	info.KS = new(session.Token)
	// Here, and only here, the protocol tells how long the session lasts instead of when it ends.
	info.Expiry = new(session.Expires.Unix() - s.Sessions.now().Unix())
	return info, nil
}

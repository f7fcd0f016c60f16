package account

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/hex"
	"hash"
	"slices"
	"time"

	"sluice/api/rpc"
	"sluice/api/rpc/kaltura"
	"sluice/api/rpc/ks"
	"sluice/catalog"
)

func (s *Service) registerAppToken(r *rpc.Registry) {
	v := r.Service("appToken", "Keeps the tokens that applications start their sessions with.")
	rpc.Action(v, "add", "Adds an app token.", s.addAppToken, rpc.For(rpc.AdminSession))
	rpc.Action(v, "get", "Returns an app token.", s.getAppToken, rpc.For(rpc.AdminSession))
	rpc.Action(v, "update", "Changes an app token.", s.updateAppToken, rpc.For(rpc.AdminSession))
	rpc.Action(v, "delete", "Deletes an app token and ends its sessions.", s.deleteAppToken, rpc.For(rpc.AdminSession))
	rpc.Action(v, "list", "Lists app tokens.", s.listAppTokens, rpc.For(rpc.AdminSession))
	rpc.Action(v, "startSession", "Starts a session with an app token.", s.startTokenSession, rpc.For(rpc.WidgetSession))
}

func noAppToken(id string) *rpc.Error { return rpc.E("APP_TOKEN_ID_NOT_FOUND", "ID", id) }

func (s *Service) addAppToken(c *rpc.Call, in struct {
	AppToken *kaltura.AppToken `k:"appToken" for:"add" required:"true"`
}) (*kaltura.AppToken, error) {
	t := catalog.AppToken{Status: catalog.AppTokenActive}
	in.AppToken.Apply(&t)
	if err := s.checkAppToken(c, &t); err != nil {
		return nil, err
	}
	t, err := s.Catalog.AddAppToken(c, c.AccountID(), t)
	if err != nil {
		return nil, wire(err, noAppToken(t.ID), "appToken")
	}
	return kaltura.AppTokenOf(t), nil
}

// checkAppToken refuses a token that could start no session.
func (s *Service) checkAppToken(c *rpc.Call, t *catalog.AppToken) error {
	return s.Sessions.checkPrivileges(c, &ks.Session{Account: c.AccountID(), Privileges: ks.ParsePrivileges(t.Privileges)})
}

type appTokenIn struct {
	ID string `k:"id" ref:"appToken"`
}

func (s *Service) getAppToken(c *rpc.Call, in appTokenIn) (*kaltura.AppToken, error) {
	t, err := s.Catalog.AppToken(c, c.AccountID(), in.ID)
	if err != nil {
		return nil, wire(err, noAppToken(in.ID), "id")
	}
	return kaltura.AppTokenOf(t), nil
}

func (s *Service) updateAppToken(c *rpc.Call, in struct {
	ID       string            `k:"id" ref:"appToken"`
	AppToken *kaltura.AppToken `k:"appToken" for:"update" required:"true"`
}) (*kaltura.AppToken, error) {
	t, err := s.Catalog.UpdateAppToken(c, c.AccountID(), in.ID, func(t *catalog.AppToken) error {
		now := kaltura.AppTokenOf(*t)
		rpc.Merge(now, in.AppToken)
		now.Apply(t)
		return s.checkAppToken(c, t)
	})
	if err != nil {
		return nil, wire(err, noAppToken(in.ID), "appToken")
	}
	return kaltura.AppTokenOf(t), nil
}

func (s *Service) deleteAppToken(c *rpc.Call, in appTokenIn) (rpc.Void, error) {
	if _, err := s.Catalog.AppToken(c, c.AccountID(), in.ID); err != nil {
		return rpc.Void{}, wire(err, noAppToken(in.ID), "id")
	}
	// The sessions end first: when that fails the token is still there to be deleted again.
	if err := s.Sessions.endToken(c, c.AccountID(), in.ID); err != nil {
		return rpc.Void{}, err
	}
	return rpc.Void{}, wire(s.Catalog.DeleteAppToken(c, c.AccountID(), in.ID), noAppToken(in.ID), "id")
}

func (s *Service) listAppTokens(c *rpc.Call, in struct {
	Filter *rpc.FilterOf[kaltura.AppToken] `k:"filter"`
	Pager  *rpc.Pager                      `k:"pager"`
}) (*rpc.List[*kaltura.AppToken], error) {
	var f *rpc.Filter
	if in.Filter != nil {
		f = &in.Filter.Filter
	}
	rows, total, err := s.Catalog.AppTokens(c, c.AccountID(), query(f, in.Pager))
	return page(rows, total, err, kaltura.AppTokenOf)
}

type startTokenIn struct {
	ID         string               `k:"id" ref:"appToken"`
	TokenHash  string               `k:"tokenHash"`
	UserID     string               `k:"userId" default:"" ref:"-"`
	Type       *kaltura.SessionType `k:"type"`
	Expiry     int64                `k:"expiry" default:"0"`
	Privileges string               `k:"sessionPrivileges" default:""`
}

// startTokenSession trades a lesser session and the proof of having the token for the token's session.
func (s *Service) startTokenSession(c *rpc.Call, in startTokenIn) (*kaltura.SessionInfo, error) {
	t, err := s.Catalog.AppToken(c, c.AccountID(), in.ID)
	if err != nil {
		return nil, wire(err, noAppToken(in.ID), "id")
	}
	if t.Status != catalog.AppTokenActive {
		return nil, rpc.E("APP_TOKEN_NOT_ACTIVE", "ID", in.ID)
	}
	if err := s.proven(c, t, in.TokenHash); err != nil {
		return nil, err
	}
	now := s.Sessions.now()
	if t.ExpiresAt != 0 && !t.ExpiresAt.Time().After(now) {
		return nil, rpc.E("APP_TOKEN_EXPIRED", "ID", in.ID)
	}
	session := &ks.Session{
		Account: c.AccountID(), User: in.UserID, Type: t.SessionType, Privileges: tokenPrivileges(t, in.Privileges),
		Expires: now.Add(tokenLifetime(c.Account, t, in.Expiry, now)),
	}
	if t.SessionUser != "" {
		session.User = t.SessionUser
	}
	if err := s.Sessions.Mint(c, session); err != nil {
		return nil, err
	}
	info := kaltura.SessionInfoOf(session)
	info.KS = new(session.Token)
	return info, nil
}

// proven checks the hash of the caller's session and the token.
func (s *Service) proven(c *rpc.Call, t catalog.AppToken, proof string) error {
	keys := []string{attempt("token", c.AccountID(), origin(c.ClientIP))}
	ok, blocked, err := s.Sessions.guarded(c, "appToken.startSession", keys, func() (bool, error) {
		want := tokenHash(t.HashType, c.Session.Token+t.Token)
		return subtle.ConstantTimeCompare([]byte(want), []byte(proof)) == 1, nil
	})
	switch {
	case err != nil:
		return err
	case blocked:
		return rpc.E("ACTION_BLOCKED", "ACTION_NAME", "startSession", "SERVICE_NAME", "appToken")
	case !ok:
		return rpc.E("INVALID_APP_TOKEN_HASH")
	}
	return nil
}

// tokenHash is the lower-case hex of a text's hash.
func tokenHash(kind, text string) string {
	var h hash.Hash
	switch kind {
	case "MD5":
		h = md5.New()
	case "SHA256":
		h = sha256.New()
	case "SHA512":
		h = sha512.New()
	default:
		h = sha1.New()
	}
	h.Write([]byte(text))
	return hex.EncodeToString(h.Sum(nil))
}

// tokenLifetime is the least of what was asked for, what the token allows and what is left of it.
func tokenLifetime(a catalog.Account, t catalog.AppToken, asked int64, now time.Time) time.Duration {
	life := a.Details.LongestSession()
	if t.Duration > 0 {
		life = seconds(t.Duration)
	}
	if asked > 0 {
		life = min(life, seconds(asked))
	}
	if t.ExpiresAt != 0 {
		life = min(life, t.ExpiresAt.Time().Sub(now))
	}
	return life
}

// tokenPrivileges are the token's own, and of those asked for the ones that take no liberties.
func tokenPrivileges(t catalog.AppToken, asked string) []ks.Privilege {
	own := ks.ParsePrivileges(t.Privileges)
	list := append([]ks.Privilege{{Name: "sessionid", Value: t.ID}, {Name: "apptoken", Value: t.ID}}, own...)
	for _, p := range ks.ParsePrivileges(asked) {
		named := func(o ks.Privilege) bool { return o.Name == p.Name }
		open := slices.Contains(own, ks.Privilege{Name: p.Name, Value: "*"})
		if open || !p.Reserved() && !slices.ContainsFunc(own, named) {
			list = append(list, p)
		}
	}
	return list
}

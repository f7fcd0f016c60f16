package account

import (
	"errors"
	"strconv"

	"sluice/api/rpc"
	"sluice/api/rpc/ks"
	"sluice/catalog"
)

// maxLogins bounds the accounts that one login is tried on.
const maxLogins = 5

func (s *Service) login(c *rpc.Call, in struct {
	PartnerID  int64  `k:"partnerId" ref:"-"`
	UserID     string `k:"userId" ref:"-"`
	Password   string `k:"password"`
	Expiry     int64  `k:"expiry" default:"86400"`
	Privileges string `k:"privileges" default:"*"`
}) (string, error) {
	id := catalog.AccountID(in.PartnerID)
	u, err := s.Catalog.User(c, id, in.UserID)
	var found []catalog.User
	switch {
	case err == nil && u.LoginEnabled:
		found = append(found, u)
	case err != nil && !errors.Is(err, catalog.ErrNotFound):
		return "", err
	}
	return s.logIn(c, credentials{name: decimal(id) + "/" + in.UserID, password: in.Password, expiry: in.Expiry, privileges: in.Privileges}, found)
}

func (s *Service) loginByLoginID(c *rpc.Call, in struct {
	LoginID    string `k:"loginId" ref:"-"`
	Password   string `k:"password"`
	PartnerID  int64  `k:"partnerId" default:"0" ref:"-"`
	Expiry     int64  `k:"expiry" default:"86400"`
	Privileges string `k:"privileges" default:"*"`
}) (string, error) {
	found, err := s.Catalog.UsersByLogin(c, in.LoginID, catalog.AccountID(in.PartnerID), maxLogins)
	if err != nil {
		return "", err
	}
	return s.logIn(c, credentials{name: in.LoginID, password: in.Password, expiry: in.Expiry, privileges: in.Privileges}, found)
}

// credentials are what someone logs in with, and what for.
type credentials struct {
	name, password string
	expiry         int64
	privileges     string
}

// logIn starts the session of the first of the users found whose password it is.
func (s *Service) logIn(c *rpc.Call, in credentials, found []catalog.User) (string, error) {
	// One may guess neither one user's password from everywhere nor everyone's from one place.
	user := attempt("login", "name", in.name)
	keys := []string{user, attempt("login", "ip", origin(c.ClientIP))}
	var who *catalog.User
	ok, blocked, err := s.Sessions.guarded(c, "user.login", keys, func() (bool, error) {
		if len(found) == 0 {
			_, err := checkPassword(c, "", in.password)
			return false, err
		}
		for i := range found {
			if ok, err := checkPassword(c, found[i].Password, in.password); ok || err != nil {
				who = &found[i]
				return ok, err
			}
		}
		return false, nil
	})
	switch {
	case err != nil:
		return "", err
	case blocked:
		return "", rpc.E("LOGIN_BLOCKED")
	case !ok:
		return "", s.wrongPassword(c, keys, len(found) > 0)
	case who.Status != catalog.UserActive:
		return "", rpc.E("USER_IS_BLOCKED")
	}
	if err := s.Sessions.limits.passed(c, user); err != nil {
		return "", err
	}
	session := &ks.Session{Account: who.Account, User: who.ID, Privileges: loginPrivileges(who, in.privileges)}
	if who.Admin {
		session.Type = ks.AdminType
	}
	if err := s.startAs(c, session, in.expiry); err != nil {
		return "", err
	}
	_, err = s.Catalog.UpdateUser(c, who.Account, who.ID, func(u *catalog.User) error {
		u.LoginAt = catalog.StampOf(s.Sessions.now())
		return nil
	})
	return session.Token, err
}

// wrongPassword is the exception for a failed try: that it was the last one, if it was.
func (s *Service) wrongPassword(c *rpc.Call, keys []string, known bool) error {
	last, err := s.Sessions.limits.exceeded(c, keys...)
	switch {
	case err != nil:
		return err
	case last:
		return rpc.E("LOGIN_RETRIES_EXCEEDED")
	case !known:
		return rpc.E("USER_NOT_FOUND")
	}
	return rpc.E("USER_WRONG_PASSWORD")
}

// loginPrivileges are those asked for, less what would make another of the user, and those that the user always has.
func loginPrivileges(u *catalog.User, asked string) []ks.Privilege {
	var list []ks.Privilege
	for _, p := range ks.ParsePrivileges(asked) {
		if p.Name != "setrole" && p.Name != "apptoken" && p.Name != "widget" {
			list = append(list, p)
		}
	}
	list = append(list, ks.ParsePrivileges(u.Details.Privileges)...)
	if u.Role != 0 {
		list = append(list, ks.Privilege{Name: "setrole", Value: strconv.FormatInt(u.Role, 10)})
	}
	return list
}

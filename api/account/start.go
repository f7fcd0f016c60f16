package account

import (
	"context"
	"errors"
	"strconv"
	"time"

	"sluice/api/rpc"
	"sluice/api/rpc/ks"
	"sluice/catalog"
)

// defaultExpiry is how long a session lasts that says nothing else.
const defaultExpiry = 24 * time.Hour

// Mint gives a session of an account its token: signed with the account's newest admin secret, in the version that the
// account prefers. Its privileges must make sense; its expiry is not cut.
func (s *Sessions) Mint(ctx context.Context, session *ks.Session) error {
	t, err := s.tenants.get(ctx, session.Account)
	if err != nil {
		return err
	}
	if err := s.checkPrivileges(ctx, session); err != nil {
		return err
	}
	secrets := t.valid(catalog.AdminSecret, s.now())
	if len(secrets) == 0 {
		return startError(session.Account)
	}
	version := t.account.Details.TokenVersion
	if version == 0 {
		version = 2
	}
	err = ks.Mint(session, version, secrets[0])
	if errors.Is(err, ks.ErrUnmintable) {
		return rpc.E("INVALID_PARAMETER_VALUE", "PARAM_NAME", "privileges").Because(err)
	}
	return err
}

// start mints a session that lasts as long as asked and as the account allows.
func (s *Sessions) start(ctx context.Context, session *ks.Session, expiry time.Duration) error {
	account, err := s.Account(ctx, session.Account)
	switch {
	case errors.Is(err, catalog.ErrNotFound), err == nil && account.Status != catalog.AccountActive:
		return startError(session.Account)
	case err != nil:
		return err
	}
	if expiry <= 0 {
		expiry = defaultExpiry
	}
	session.Expires = s.now().Add(min(expiry, account.Details.LongestSession()))
	return s.Mint(ctx, session)
}

// seconds is a duration of the wire.
func seconds(n int64) time.Duration {
	const most = int64(forever / time.Second)
	return time.Duration(min(n, most)) * time.Second
}

func startError(account catalog.AccountID) *rpc.Error {
	return rpc.E("START_SESSION_ERROR", "PID", strconv.FormatInt(int64(account), 10))
}

// checkPrivileges refuses privileges that could not be kept.
func (s *Sessions) checkPrivileges(ctx context.Context, session *ks.Session) error {
	for _, p := range session.Privileges {
		switch p.Name {
		case "actionslimit":
			if n, err := strconv.ParseInt(p.Value, 10, 64); err != nil || n <= 0 {
				return rpc.E("INVALID_ACTIONS_LIMIT")
			}
		case "setrole", "restrictingrole":
			if p.Value == "" {
				return rpc.E("INVALID_SET_ROLE")
			}
		}
	}
	set, _ := session.Value("setrole")
	if len(set) > 1 {
		return rpc.E("INVALID_SET_ROLE")
	}
	restricting, _ := session.Value("restrictingrole")
	for _, name := range append(set, restricting...) {
		if _, err := s.role(ctx, session.Account, name); err != nil {
			return err
		}
	}
	return nil
}

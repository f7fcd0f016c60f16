//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"sluice/api/account"
	"sluice/api/rpc"
	"sluice/api/rpc/ks"
	"sluice/catalog"
)

// sessionView is what --json prints of a session.
type sessionView struct {
	Token      string            `json:"ks"`
	Account    catalog.AccountID `json:"account"`
	User       string            `json:"user"`
	Type       int               `json:"type"`
	Expires    time.Time         `json:"expires"`
	Privileges string            `json:"privileges"`
}

type sessionFlags struct {
	account    int64
	user       string
	kind       string
	admin      bool
	expiry     time.Duration
	privileges string
	asJSON     bool
}

func sessionCommand() *cobra.Command {
	var f sessionFlags
	cmd := &cobra.Command{
		Use:   "session",
		Short: "Make a session token for the API and print it",
		Long: `Make a session token for the API and print it, as session.start would with the account's admin secret, but for any
length of time. It needs the server's configuration, not a running server.

  curl "$URL/api_v3/service/media/action/list?ks=$(sluice session --admin)"`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			kind, err := f.sessionType()
			if err != nil {
				return err
			}
			return onAccounts(cmd, f.asJSON, func(ctx context.Context, sys *system) (any, error) {
				return sys.newSession(ctx, f, kind)
			}, func(w io.Writer, out any) { fmt.Fprintln(w, out.(sessionView).Token) })
		},
	}
	fl := cmd.Flags()
	fl.Int64Var(&f.account, "account", 0, "account of the session; 0 for the configured one")
	fl.StringVar(&f.user, "user", "", "user of the session")
	fl.StringVar(&f.kind, "type", "user", "type of the session: user or admin")
	fl.BoolVar(&f.admin, "admin", false, "the same as --type admin")
	fl.DurationVar(&f.expiry, "expiry", 24*time.Hour, "how long the session lasts")
	fl.StringVar(&f.privileges, "privileges", "", "privileges, with commas between them: edit:*,disableentitlement")
	fl.BoolVar(&f.asJSON, "json", false, "print JSON")
	return cmd
}

func (f sessionFlags) sessionType() (int, error) {
	if f.expiry < time.Second {
		return 0, usageError{fmt.Errorf("--expiry %v is less than a second", f.expiry)}
	}
	switch {
	case f.admin, f.kind == "admin", f.kind == strconv.Itoa(ks.AdminType):
		return ks.AdminType, nil
	case f.kind == "user", f.kind == strconv.Itoa(ks.UserType):
		return ks.UserType, nil
	}
	return 0, usageError{fmt.Errorf("--type %q is neither user nor admin", f.kind)}
}

func (s *system) newSession(ctx context.Context, f sessionFlags, kind int) (sessionView, error) {
	id := catalog.AccountID(f.account)
	if id == 0 {
		id = s.account()
	}
	session := &ks.Session{
		Account: id, User: f.user, Type: kind, Privileges: ks.ParsePrivileges(f.privileges), Expires: time.Now().Add(f.expiry),
	}
	err := account.NewSessions(account.Config{Catalog: s.catalog, Logger: s.log}).Mint(ctx, session)
	var refused *rpc.Error
	if errors.As(err, &refused) {
		err = usageError{fmt.Errorf("%s: %s", refused.Code, refused.Message())}
	}
	if err != nil {
		return sessionView{}, err
	}
	return sessionView{
		Token: session.Token, Account: id, User: session.User, Type: session.Type, Expires: session.Expires.UTC(),
		Privileges: ks.FormatPrivileges(session.Privileges),
	}, nil
}

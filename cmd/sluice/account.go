//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"sluice/catalog"
)

// accountView is an account as the commands show it; lists leave the secrets out.
type accountView struct {
	ID        catalog.AccountID   `json:"id"`
	Name      string              `json:"name"`
	Status    string              `json:"status"`
	CreatedAt time.Time           `json:"created_at"`
	ActsFor   []catalog.AccountID `json:"acts_for,omitempty"`
	HTTPSOnly bool                `json:"https_only,omitempty"`
	*SecretPair
	// OldSecrets counts those that were replaced and still verify.
	OldSecrets int `json:"old_secrets,omitempty"`
}

func viewOf(a catalog.Account) accountView {
	status := "active"
	if a.Status != catalog.AccountActive {
		status = "blocked"
	}
	return accountView{ID: a.ID, Name: a.Name, Status: status, CreatedAt: a.CreatedAt, ActsFor: a.Details.ActsFor, HTTPSOnly: a.Details.SecureOnly}
}

func accountCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "account",
		Short: "Make, show and block accounts, and rotate their secrets",
		Long: `Accounts own entries, and their secrets start the sessions of the API. The first account is made on the server's first
start, which shows its secrets.

The commands share the server's configuration: the same data directory, or the same database URL and account.key.
A running server knows of changes within five seconds.`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(accountCreate(), accountList(), accountShow(), accountRotate(), accountBlock(), accountUnblock(), accountAllow(), accountRequireHTTPS(), accountLimit(), accountGateway())
	return cmd
}

// onAccounts runs a command on an unlocked catalog. Do prints what it returns: as JSON, or by text.
func onAccounts(cmd *cobra.Command, asJSON bool, do func(ctx context.Context, sys *system) (any, error), text func(io.Writer, any)) error {
	cfg, log, err := loadConfig(cmd)
	if err != nil {
		return err
	}
	ctx := cmd.Context()
	sys, err := openSystem(ctx, cfg, log)
	if err != nil {
		return err
	}
	defer sys.close()
	if err := sys.unlock(ctx, cmd.ErrOrStderr()); err != nil {
		return err
	}
	out, err := do(ctx, sys)
	if err != nil {
		return err
	}
	if asJSON {
		return printJSON(cmd.OutOrStdout(), out)
	}
	text(cmd.OutOrStdout(), out)
	return nil
}

// accountOf reads the id of an account from the command line; without one it is the configured account.
func (s *system) accountOf(args []string) (catalog.AccountID, error) {
	if len(args) == 0 {
		return s.account(), nil
	}
	id, err := strconv.ParseInt(args[0], 10, 64)
	if err != nil || id <= 0 {
		return 0, usageError{fmt.Errorf("%q is not the id of an account", args[0])}
	}
	return catalog.AccountID(id), nil
}

// show is an account with the secrets that are in use.
func (s *system) show(ctx context.Context, id catalog.AccountID) (any, error) {
	a, err := s.catalog.Account(ctx, id)
	if err != nil {
		return nil, err
	}
	list, err := s.catalog.Secrets(ctx, id)
	if err != nil {
		return nil, err
	}
	v, pair := viewOf(a), secretsOf(list)
	v.SecretPair, v.OldSecrets = &pair, len(list)-2
	return v, nil
}

func printAccount(w io.Writer, out any) {
	v := out.(accountView)
	t := tabwriter.NewWriter(w, 2, 4, 2, ' ', 0)
	fmt.Fprintf(t, "account\t%d\nname\t%s\nstatus\t%s\nadmin secret\t%s\nuser secret\t%s\n", v.ID, v.Name, v.Status, v.Admin, v.User)
	if v.OldSecrets > 0 {
		fmt.Fprintf(t, "old secrets\t%d, still accepted for a while\n", v.OldSecrets)
	}
	if len(v.ActsFor) > 0 {
		fmt.Fprintf(t, "acts for\t%v\n", v.ActsFor)
	}
	if v.HTTPSOnly {
		fmt.Fprintln(t, "plain HTTP\trefused")
	}
	_ = t.Flush()
}

func accountCreate() *cobra.Command {
	var id int64
	var asJSON bool
	cmd := &cobra.Command{
		Use: "create NAME", Short: "Make an account and show its secrets", Args: usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			return onAccounts(cmd, asJSON, func(ctx context.Context, sys *system) (any, error) {
				a, made, err := sys.catalog.EnsureAccount(ctx, catalog.AccountID(id), args[0])
				if err != nil {
					return nil, err
				}
				if !made {
					return nil, usageError{fmt.Errorf("account %d exists", a.ID)}
				}
				return sys.show(ctx, a.ID)
			}, printAccount)
		},
	}
	cmd.Flags().Int64Var(&id, "id", 0, "id of the account; 0 for the next free one")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func accountList() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "list", Short: "List accounts, without their secrets", Args: usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return onAccounts(cmd, asJSON, func(ctx context.Context, sys *system) (any, error) {
				list, err := sys.catalog.Accounts(ctx)
				views := make([]accountView, len(list))
				for i, a := range list {
					views[i] = viewOf(a)
				}
				return views, err
			}, func(w io.Writer, out any) {
				t := tabwriter.NewWriter(w, 2, 4, 2, ' ', 0)
				fmt.Fprintln(t, "ID\tNAME\tSTATUS\tCREATED")
				for _, v := range out.([]accountView) {
					fmt.Fprintf(t, "%d\t%s\t%s\t%s\n", v.ID, v.Name, v.Status, v.CreatedAt.Format(time.DateTime))
				}
				_ = t.Flush()
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func accountShow() *cobra.Command {
	return oneAccount("show [ID]", "Show an account and its secrets", func(context.Context, *system, catalog.AccountID) error { return nil })
}

func accountRotate() *cobra.Command {
	var grace time.Duration
	cmd := oneAccount("rotate [ID]", "Give an account new secrets and show them", func(ctx context.Context, sys *system, id catalog.AccountID) error {
		if grace < 0 {
			return usageError{fmt.Errorf("--grace %v is negative", grace)}
		}
		if _, err := sys.catalog.Account(ctx, id); err != nil {
			return err
		}
		return sys.catalog.RotateSecrets(ctx, id, grace, catalog.UserSecret, catalog.AdminSecret)
	})
	cmd.Long = `Give an account new secrets and show them. The old ones, and the sessions made with them, go on working for the time of
grace, so that applications can be changed one after the other; --grace 0 ends them at once.`
	cmd.Flags().DurationVar(&grace, "grace", 24*time.Hour, "how long the old secrets and their sessions go on working")
	return cmd
}

func accountBlock() *cobra.Command {
	return oneAccount("block ID", "Refuse every session of an account", func(ctx context.Context, sys *system, id catalog.AccountID) error {
		return sys.setStatus(ctx, id, catalog.AccountBlocked)
	})
}

func accountUnblock() *cobra.Command {
	return oneAccount("unblock ID", "Let an account work again", func(ctx context.Context, sys *system, id catalog.AccountID) error {
		return sys.setStatus(ctx, id, catalog.AccountActive)
	})
}

func (s *system) setStatus(ctx context.Context, id catalog.AccountID, status catalog.AccountStatus) error {
	_, err := s.catalog.UpdateAccount(ctx, id, func(a *catalog.Account) error {
		a.Status = status
		return nil
	})
	return err
}

func accountAllow() *cobra.Command {
	var other int64
	var revoke bool
	cmd := oneAccount("allow ID", "Let an account start sessions of another one", func(ctx context.Context, sys *system, id catalog.AccountID) error {
		if other <= 0 {
			return usageError{errors.New("--for must name the other account")}
		}
		if _, err := sys.catalog.Account(ctx, catalog.AccountID(other)); err != nil {
			return err
		}
		_, err := sys.catalog.UpdateAccount(ctx, id, func(a *catalog.Account) error {
			list := slices.DeleteFunc(a.Details.ActsFor, func(x catalog.AccountID) bool { return x == catalog.AccountID(other) })
			if !revoke {
				list = append(list, catalog.AccountID(other))
			}
			a.Details.ActsFor = list
			return nil
		})
		return err
	})
	cmd.Flags().Int64Var(&other, "for", 0, "the account that it may act for")
	cmd.Flags().BoolVar(&revoke, "revoke", false, "take the permission back")
	return cmd
}

func accountRequireHTTPS() *cobra.Command {
	var off bool
	cmd := oneAccount("require-https ID", "Refuse API calls of an account over plain HTTP", func(ctx context.Context, sys *system, id catalog.AccountID) error {
		_, err := sys.catalog.UpdateAccount(ctx, id, func(a *catalog.Account) error {
			a.Details.SecureOnly = !off
			return nil
		})
		return err
	})
	cmd.Long = `Refuse API calls of an account over plain HTTP, save those from the machine itself. Behind a proxy that ends TLS, http.trusted_proxies
must name it.`
	cmd.Flags().BoolVar(&off, "off", false, "take plain HTTP again")
	return cmd
}

// oneAccount is a command that does something to an account and then shows it.
func oneAccount(use, short string, do func(context.Context, *system, catalog.AccountID) error) *cobra.Command {
	var asJSON bool
	args := cobra.ExactArgs(1)
	if use[len(use)-1] == ']' {
		args = cobra.MaximumNArgs(1)
	}
	cmd := &cobra.Command{
		Use: use, Short: short, Args: usageArgs(args),
		RunE: func(cmd *cobra.Command, args []string) error {
			return onAccounts(cmd, asJSON, func(ctx context.Context, sys *system) (any, error) {
				id, err := sys.accountOf(args)
				if err != nil {
					return nil, err
				}
				if err := do(ctx, sys, id); err != nil {
					return nil, err
				}
				return sys.show(ctx, id)
			}, printAccount)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

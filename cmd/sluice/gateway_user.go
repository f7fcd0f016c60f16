//go:build linux

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"sluice/catalog"
	"sluice/ingest/gateway"
)

// gatewayUserView is a user of the gateways as the commands show it: without the password's hash.
type gatewayUserView struct {
	Name     string                 `json:"name"`
	Account  catalog.AccountID      `json:"account"`
	Password bool                   `json:"password"`
	Keys     []string               `json:"keys,omitempty"`
	Folders  []catalog.DropFolderID `json:"folders,omitempty"`
	Rights   []catalog.GatewayRight `json:"rights"`
	Rate     int64                  `json:"rate,omitempty"` // bytes a second
	Blocked  bool                   `json:"blocked,omitempty"`
	SeenAt   *time.Time             `json:"seen_at,omitempty"`
}

func viewOfGatewayUser(u catalog.GatewayUser) gatewayUserView {
	v := gatewayUserView{
		Name: u.Name, Account: u.Account, Password: u.PasswordHash != "", Keys: u.Keys, Folders: u.Folders, Rights: u.Rights, Rate: u.Rate, Blocked: u.Blocked,
	}
	if u.SeenAt != 0 {
		v.SeenAt = new(u.SeenAt.Time())
	}
	return v
}

func accountGateway() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "gateway",
		Short: "Users of the SFTP and FTPS servers",
		Long: `Users of the SFTP and FTPS servers. A user belongs to an account and sees its local drop folders, or those that are named;
what it uploads becomes entries as the folder says. Names are one of a kind among all accounts.

A running server knows of changes at the next login, and of a block within half a minute.`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(gatewaySet("add"), gatewaySet("set"), gatewayList(), gatewayDelete())
	return cmd
}

// gatewayFlags are what a user can be given.
type gatewayFlags struct {
	account       int64
	passwordStdin bool
	keys          []string
	folders       []int64
	rights        []string
	rate          int64
	blocked       bool
	asJSON        bool
}

func gatewaySet(verb string) *cobra.Command {
	var f gatewayFlags
	short := map[string]string{"add": "Make a user", "set": "Change a user: what is not given stays"}[verb]
	cmd := &cobra.Command{
		Use: verb + " NAME", Short: short, Args: usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			return onAccounts(cmd, f.asJSON, func(ctx context.Context, sys *system) (any, error) {
				return f.apply(ctx, sys, cmd, verb, args[0])
			}, printGatewayUser)
		},
	}
	fl := cmd.Flags()
	f.addAccount(cmd)
	fl.BoolVar(&f.passwordStdin, "password-stdin", false, "read the password from standard input; an empty line takes it away")
	fl.StringSliceVar(&f.keys, "key", nil, "file with public keys, as authorized_keys has them; \"\" takes them away")
	fl.Int64SliceVar(&f.folders, "folder", nil, "id of a drop folder that the user sees; none means every local one of the account")
	fl.StringSliceVar(&f.rights, "rights", []string{"read", "write", "delete"}, "what the user may do")
	fl.Int64Var(&f.rate, "rate", 0, "bytes a second of all the user's connections to a server; 0 for no bound")
	fl.BoolVar(&f.blocked, "blocked", false, "keep the user out")
	return cmd
}

func (f *gatewayFlags) addAccount(cmd *cobra.Command) {
	cmd.Flags().Int64Var(&f.account, "account", 0, "account of the user (default: account.id)")
	cmd.Flags().BoolVar(&f.asJSON, "json", false, "print JSON")
}

func (f *gatewayFlags) of(sys *system) catalog.AccountID {
	if f.account == 0 {
		return sys.account()
	}
	return catalog.AccountID(f.account)
}

// apply makes or changes a user.
func (f *gatewayFlags) apply(ctx context.Context, sys *system, cmd *cobra.Command, verb, name string) (any, error) {
	account := f.of(sys)
	change, err := f.change(ctx, sys, cmd, account, verb == "add")
	if err != nil {
		return nil, err
	}
	if verb == "add" {
		u := catalog.GatewayUser{Name: name}
		if err := change(&u); err != nil {
			return nil, err
		}
		if u.PasswordHash == "" && len(u.Keys) == 0 {
			return nil, usageError{errors.New("a user needs --password-stdin or --key")}
		}
		u, err = sys.catalog.AddGatewayUser(ctx, account, u)
		return viewOfGatewayUser(u), badUser(name, err)
	}
	u, err := sys.gatewayUser(ctx, account, name)
	if err != nil {
		return nil, err
	}
	u, err = sys.catalog.UpdateGatewayUser(ctx, account, u.ID, change)
	return viewOfGatewayUser(u), badUser(name, err)
}

func badUser(name string, err error) error {
	switch {
	case errors.Is(err, catalog.ErrConflict):
		return usageError{fmt.Errorf("the name %q is taken", name)}
	case errors.Is(err, catalog.ErrInvalid):
		return usageError{err}
	}
	return err
}

// change reads what the flags say and returns what does it to a user.
func (f *gatewayFlags) change(ctx context.Context, sys *system, cmd *cobra.Command, account catalog.AccountID, add bool) (func(*catalog.GatewayUser) error, error) {
	var hash string
	if f.passwordStdin {
		line, err := bufio.NewReader(io.LimitReader(cmd.InOrStdin(), 4096)).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		if line = strings.TrimRight(line, "\r\n"); line != "" {
			if hash, err = gateway.HashPassword(line); err != nil {
				return nil, usageError{err}
			}
		}
	}
	keys, err := readKeys(f.keys)
	if err != nil {
		return nil, err
	}
	folders, err := f.folderIDs(ctx, sys, account)
	if err != nil {
		return nil, err
	}
	given := func(flag string) bool { return add || cmd.Flags().Changed(flag) }
	return func(u *catalog.GatewayUser) error {
		if f.passwordStdin {
			u.PasswordHash = hash
		}
		if given("key") {
			u.Keys = keys
		}
		if given("folder") {
			u.Folders = folders
		}
		if given("rights") {
			u.Rights = nil
			for _, r := range f.rights {
				u.Rights = append(u.Rights, catalog.GatewayRight(r))
			}
		}
		if given("rate") {
			u.Rate = f.rate
		}
		if given("blocked") {
			u.Blocked = f.blocked
		}
		return nil
	}, nil
}

func readKeys(files []string) ([]string, error) {
	var out []string
	for _, path := range files {
		if path == "" {
			continue
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return nil, usageError{err}
		}
		keys, err := gateway.ParseKeys(b)
		if err != nil {
			return nil, usageError{fmt.Errorf("%s: %w", path, err)}
		}
		out = append(out, keys...)
	}
	return out, nil
}

// folderIDs checks that the folders are local ones of the account.
func (f *gatewayFlags) folderIDs(ctx context.Context, sys *system, account catalog.AccountID) ([]catalog.DropFolderID, error) {
	var out []catalog.DropFolderID
	for _, id := range f.folders {
		folder, err := sys.catalog.DropFolder(ctx, account, catalog.DropFolderID(id))
		if err != nil {
			return nil, err
		}
		if !folder.Local() {
			return nil, usageError{fmt.Errorf("drop folder %d is on another machine", id)}
		}
		out = append(out, folder.ID)
	}
	return out, nil
}

func printGatewayUser(w io.Writer, out any) {
	printGatewayUsers(w, []gatewayUserView{out.(gatewayUserView)})
}

func printGatewayUsers(w io.Writer, list []gatewayUserView) {
	t := tabwriter.NewWriter(w, 2, 4, 2, ' ', 0)
	fmt.Fprintln(t, "NAME\tACCOUNT\tPASSWORD\tKEYS\tFOLDERS\tRIGHTS\tBLOCKED\tLAST LOGIN")
	for _, v := range list {
		folders, seen := "all", "never"
		if len(v.Folders) > 0 {
			folders = strings.Trim(fmt.Sprint(v.Folders), "[]")
		}
		if v.SeenAt != nil {
			seen = v.SeenAt.Format(time.DateTime)
		}
		fmt.Fprintf(t, "%s\t%d\t%t\t%d\t%s\t%s\t%t\t%s\n", v.Name, v.Account, v.Password, len(v.Keys), folders, strings.Trim(fmt.Sprint(v.Rights), "[]"), v.Blocked, seen)
	}
	_ = t.Flush()
}

func gatewayList() *cobra.Command {
	var f gatewayFlags
	cmd := &cobra.Command{
		Use: "list", Short: "List the users of an account", Args: usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return onAccounts(cmd, f.asJSON, func(ctx context.Context, sys *system) (any, error) {
				views := []gatewayUserView{}
				for q := (catalog.Query{Limit: 500}); ; q.Offset += q.Limit {
					list, total, err := sys.catalog.GatewayUsers(ctx, f.of(sys), q)
					if err != nil {
						return nil, err
					}
					for _, u := range list {
						views = append(views, viewOfGatewayUser(u))
					}
					if len(list) == 0 || len(views) >= total {
						return views, nil
					}
				}
			}, func(w io.Writer, out any) { printGatewayUsers(w, out.([]gatewayUserView)) })
		},
	}
	f.addAccount(cmd)
	return cmd
}

func gatewayDelete() *cobra.Command {
	var f gatewayFlags
	cmd := &cobra.Command{
		Use: "delete NAME", Short: "Delete a user; files that came stay", Args: usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			return onAccounts(cmd, f.asJSON, func(ctx context.Context, sys *system) (any, error) {
				u, err := sys.gatewayUser(ctx, f.of(sys), args[0])
				if err != nil {
					return nil, err
				}
				return viewOfGatewayUser(u), sys.catalog.DeleteGatewayUser(ctx, u.Account, u.ID)
			}, printGatewayUser)
		},
	}
	f.addAccount(cmd)
	return cmd
}

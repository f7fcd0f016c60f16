//go:build linux

package main

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"sluice/catalog"
)

// limitView is the limits of an account as the command shows them; 0 is the installation's.
type limitView struct {
	ID         catalog.AccountID `json:"id"`
	UploadRate int64             `json:"upload_rate"`
	Storage    int64             `json:"storage_bytes"`
}

func accountLimit() *cobra.Command {
	var rate string
	var storage int64
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "limit ID",
		Short: "Show or set what an account may upload and keep",
		Long: `Show or set what all transfers into an account may have together, in bits a second (500M), and what the account may keep,
in bytes. 0 is the installation's own limit: quota.upload_rate and quota.storage_bytes.`,
		Args: usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			set, err := limitsOf(cmd, rate, storage)
			if err != nil {
				return err
			}
			return onAccounts(cmd, asJSON, func(ctx context.Context, sys *system) (any, error) {
				id, err := sys.accountOf(args)
				if err != nil {
					return nil, err
				}
				a, err := sys.catalog.UpdateAccount(ctx, id, set)
				return limitView{a.ID, a.Details.UploadRate, a.Details.Storage}, err
			}, func(w io.Writer, out any) {
				v := out.(limitView)
				t := tabwriter.NewWriter(w, 2, 4, 2, ' ', 0)
				fmt.Fprintf(t, "account\t%d\nupload rate\t%s\nstorage\t%s\n", v.ID, decimal(v.UploadRate, "bit/s"), decimal(v.Storage, "B"))
				_ = t.Flush()
			})
		},
	}
	cmd.Flags().StringVar(&rate, "upload-rate", "", "bits a second: 500M, 1.5G; 0 for the installation's")
	cmd.Flags().Int64Var(&storage, "storage", 0, "bytes; 0 for the installation's")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// limitsOf is the change that a command line asks for: of what it names, and nothing else.
func limitsOf(cmd *cobra.Command, rate string, storage int64) (func(a *catalog.Account) error, error) {
	var bits int64
	if rate != "0" {
		var err error
		if bits, err = parseRate(rate); err != nil {
			return nil, usageError{fmt.Errorf("--upload-rate: %w", err)}
		}
	}
	if storage < 0 {
		return nil, usageError{fmt.Errorf("--storage %d is below 0", storage)}
	}
	return func(a *catalog.Account) error {
		if cmd.Flags().Changed("upload-rate") {
			a.Details.UploadRate = bits
		}
		if cmd.Flags().Changed("storage") {
			a.Details.Storage = storage
		}
		return nil
	}, nil
}

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
	InFlight   int64             `json:"in_flight_bytes"`
	Entries    int64             `json:"entries_a_day"`
	Files      int64             `json:"folder_files"`
	Sessions   int64             `json:"sessions"`
	Pulls      int64             `json:"pulls"`
	BulkJobs   int64             `json:"bulk_jobs"`
}

func limitsShown(a catalog.Account) limitView {
	d := a.Details
	return limitView{a.ID, d.UploadRate, d.Storage, d.InFlight, d.EntriesADay, d.FolderFiles, d.Sessions, d.Pulls, d.BulkJobs}
}

// counts are the limits that are plain numbers, by their flags.
var counts = []struct {
	flag, help string
	of         func(d *catalog.AccountDetails) *int64
}{
	{"storage", "bytes that it may keep", func(d *catalog.AccountDetails) *int64 { return &d.Storage }},
	{"in-flight", "bytes that may be on their way to a server at once", func(d *catalog.AccountDetails) *int64 { return &d.InFlight }},
	{"entries-a-day", "entries that it may make in a day", func(d *catalog.AccountDetails) *int64 { return &d.EntriesADay }},
	{"folder-files", "files that a drop folder may have at once", func(d *catalog.AccountDetails) *int64 { return &d.FolderFiles }},
	{"sessions", "high-speed uploads that may be open, and other files that may come to a server at once", func(d *catalog.AccountDetails) *int64 { return &d.Sessions }},
	{"pulls", "files that are fetched from URLs at once", func(d *catalog.AccountDetails) *int64 { return &d.Pulls }},
	{"bulk-jobs", "bulk jobs that run at once", func(d *catalog.AccountDetails) *int64 { return &d.BulkJobs }},
}

func accountLimit() *cobra.Command {
	var rate string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "limit ID",
		Short: "Show or set what an account may upload, make and keep",
		Long: `Show or set what all transfers into an account may have together, in bits a second (500M), what the account may keep, in bytes,
and how much it may do at once or in a day. 0 is the installation's own limit: see the options under quota, and bulk.per_account.`,
		Args: usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			set, err := limitsOf(cmd, rate)
			if err != nil {
				return err
			}
			return onAccounts(cmd, asJSON, func(ctx context.Context, sys *system) (any, error) {
				id, err := sys.accountOf(args)
				if err != nil {
					return nil, err
				}
				a, err := sys.catalog.UpdateAccount(ctx, id, set)
				return limitsShown(a), err
			}, func(w io.Writer, out any) {
				v := out.(limitView)
				t := tabwriter.NewWriter(w, 2, 4, 2, ' ', 0)
				fmt.Fprintf(t, "account\t%d\nupload rate\t%s\nstorage\t%s\nin flight\t%s\n", v.ID, decimal(v.UploadRate, "bit/s"), decimal(v.Storage, "B"), decimal(v.InFlight, "B"))
				fmt.Fprintf(t, "entries a day\t%d\nfiles of a folder\t%d\nsessions\t%d\npulls\t%d\nbulk jobs\t%d\n", v.Entries, v.Files, v.Sessions, v.Pulls, v.BulkJobs)
				_ = t.Flush()
			})
		},
	}
	cmd.Flags().StringVar(&rate, "upload-rate", "", "bits a second: 500M, 1.5G; 0 for the installation's")
	for _, c := range counts {
		cmd.Flags().Int64(c.flag, 0, c.help+"; 0 for the installation's")
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// limitsOf is the change that a command line asks for: of what it names, and nothing else.
func limitsOf(cmd *cobra.Command, rate string) (func(a *catalog.Account) error, error) {
	var bits int64
	if rate != "0" {
		var err error
		if bits, err = parseRate(rate); err != nil {
			return nil, usageError{fmt.Errorf("--upload-rate: %w", err)}
		}
	}
	given := map[string]int64{}
	for _, c := range counts {
		n, err := cmd.Flags().GetInt64(c.flag)
		if err != nil {
			return nil, err
		}
		if n < 0 {
			return nil, usageError{fmt.Errorf("--%s %d is below 0", c.flag, n)}
		}
		if cmd.Flags().Changed(c.flag) {
			given[c.flag] = n
		}
	}
	return func(a *catalog.Account) error {
		if cmd.Flags().Changed("upload-rate") {
			a.Details.UploadRate = bits
		}
		for _, c := range counts {
			if n, ok := given[c.flag]; ok {
				*c.of(&a.Details) = n
			}
		}
		return nil
	}, nil
}

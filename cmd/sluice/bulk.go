//go:build linux

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"sluice/api/rpc/kaltura"
	"sluice/catalog"
	"sluice/ingest/manifest"
)

// newBulk makes what takes documents in and carries them out.
func (s *system) newBulk() *manifest.Jobs {
	return &manifest.Jobs{
		Catalog: s.catalog, Store: s.store, Content: s.content, Log: s.log, Roots: s.cfg.List("bulk.server_roots"), Files: s.folderFiles().Source,
		PerAccount: int(s.cfg.Int("bulk.per_account")), Lease: s.cfg.Duration("worker.lease"),
		Language: languageCode, Reach: s.content.Fetcher.Reach,
	}
}

// languageCode is the code of a language that a document, or a file's name, tells.
func languageCode(name string) (string, bool) {
	return kaltura.LanguageCode(name), kaltura.KnownLanguage(name)
}

type bulkFlags struct {
	account             int64
	profile             int64
	format, user, key   string
	strict, dryRun      bool
	watch, asJSON, mute bool
}

func bulkCommand() *cobra.Command {
	var f bulkFlags
	cmd := &cobra.Command{
		Use:   "bulk FILE…",
		Short: "Hand over documents that make, change and delete many entries",
		Long: `Hand over documents in XML (MRSS), CSV or JSON whose items make, change and delete entries; a running
'sluice serve' carries them out. docs/manifests.md describes them.

--dry-run changes nothing and tells everything that is wrong. --watch waits until the documents are dealt with
and prints the items that failed; with --json it prints every item.`,
		Args: usageArgs(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, log, err := loadConfig(cmd)
			if err != nil {
				return err
			}
			sys, err := openSystem(cmd.Context(), cfg, log)
			if err != nil {
				return err
			}
			return errors.Join(f.run(cmd, sys, args), sys.close())
		},
	}
	fl := cmd.Flags()
	fl.Int64Var(&f.account, "account", 0, "account that the entries belong to (default: account.id)")
	fl.StringVar(&f.format, "format", "", "xml, csv or json (default: by the file's name)")
	fl.Int64Var(&f.profile, "profile", 0, "conversion profile of items that name none")
	fl.StringVar(&f.user, "user", "", "user who sends the documents, and owner of items that name none")
	fl.StringVar(&f.key, "key", "", "idempotency key, with a single document: the same key again is the same job")
	fl.BoolVar(&f.strict, "strict", false, "apply nothing when one item is not valid")
	fl.BoolVar(&f.dryRun, "dry-run", false, "check everything and change nothing")
	fl.BoolVarP(&f.watch, "watch", "w", false, "wait until the documents are dealt with")
	fl.BoolVar(&f.asJSON, "json", false, "print JSON lines")
	fl.BoolVarP(&f.mute, "quiet", "q", false, "show no progress")
	return cmd
}

func (f bulkFlags) run(cmd *cobra.Command, sys *system, files []string) error {
	if f.key != "" && len(files) > 1 {
		return usageError{errors.New("--key goes with a single document")}
	}
	var jobs []catalog.BulkJob
	for _, path := range files {
		j, err := f.add(cmd.Context(), sys, path)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		jobs = append(jobs, j)
		if !f.watch {
			f.print(cmd, j)
		}
	}
	if !f.watch {
		return nil
	}
	if err := askReady(cmd.Context(), sys.cfg); err != nil {
		fmt.Fprintf(cmd.ErrOrStderr(), "sluice: no server answers at %s (%v); the documents wait until 'sluice serve' runs\n", baseURL(sys.cfg), err)
	}
	var errs []error
	for _, j := range jobs {
		errs = append(errs, f.follow(cmd, sys, j))
	}
	return errors.Join(errs...)
}

// add hands one document over.
func (f bulkFlags) add(ctx context.Context, sys *system, path string) (catalog.BulkJob, error) {
	format, known := manifest.FormatOf(path)
	if f.format != "" {
		format, known = manifest.Format(f.format), true
	}
	if !known {
		return catalog.BulkJob{}, usageError{errors.New("its name does not say what it is: use --format xml, csv or json")}
	}
	doc, err := os.Open(path)
	if err != nil {
		return catalog.BulkJob{}, err
	}
	defer doc.Close()
	j, err := sys.bulk.Add(ctx, catalog.AccountID(cmp.Or(f.account, int64(sys.account()))), manifest.Add{
		Format: format, FileName: filepath.Base(path), Document: doc, Profile: f.profile, Key: f.key, User: f.user, UploadedBy: cmp.Or(f.user, "command"),
		Strict: f.strict, DryRun: f.dryRun,
	})
	if errors.Is(err, manifest.ErrDocument) {
		err = refusedError{err}
	}
	return j, err
}

// follow shows a job's progress until it has ended, and prints what became of its items.
func (f bulkFlags) follow(cmd *cobra.Command, sys *system, j catalog.BulkJob) error {
	ctx := cmd.Context()
	bar := newBar(cmd.ErrOrStderr(), cmp.Or(j.FileName, "bulk"), f.mute || f.asJSON)
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for after := int64(0); ; {
		now, err := sys.catalog.BulkJob(ctx, j.Account, j.ID)
		if err == nil {
			j = now
			after, err = f.items(cmd, sys, j, after)
		}
		if err != nil {
			bar.close(false)
			return err
		}
		bar.set(j.Done, max(j.Total, 1))
		if j.Status.Ended() {
			bar.close(j.Failed == 0 && j.Status == catalog.BulkFinished)
			f.print(cmd, j)
			return bulkFailure(j)
		}
		select {
		case <-ctx.Done():
			bar.close(false)
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// items prints the items that have a result after a line: those that failed, or all as JSON.
func (f bulkFlags) items(cmd *cobra.Command, sys *system, j catalog.BulkJob, after int64) (int64, error) {
	for {
		rows, err := sys.catalog.BulkResultsAfter(cmd.Context(), j.Account, j.ID, after, 500, !f.asJSON)
		if err != nil || len(rows) == 0 {
			return after, err
		}
		for _, r := range rows {
			if r.Status == catalog.BulkItemInProgress {
				return after, nil
			}
			line := manifest.LineOf(r)
			after = r.Line
			if f.asJSON {
				err = printLine(cmd.OutOrStdout(), line)
			} else {
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "item %d: %s: %s\n", line.Line, cmp.Or(line.Name, line.ReferenceID, line.EntryID, "no name"), line.Error)
			}
			if err != nil {
				return after, err
			}
		}
	}
}

// bulkResult is a job as a line of --json.
type bulkResult struct {
	Job    catalog.BulkJobID `json:"job"`
	Name   string            `json:"name"`
	Status int               `json:"status"`
	Items  int64             `json:"items"`
	Done   int64             `json:"done"`
	Failed int64             `json:"failed"`
	Error  string            `json:"error,omitempty"`
}

func (f bulkFlags) print(cmd *cobra.Command, j catalog.BulkJob) {
	if f.asJSON {
		_ = printLine(cmd.OutOrStdout(), bulkResult{j.ID, j.FileName, int(j.Status), j.Total, j.Done, j.Failed, j.ErrorText}) // a closed pipe ends the command anyway
		return
	}
	if !j.Status.Ended() {
		fmt.Fprintf(cmd.OutOrStdout(), "%s: job %d\n", j.FileName, j.ID)
		return
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%s: job %d: %d of %d items done, %d failed\n", j.FileName, j.ID, j.Done, j.Total, j.Failed)
}

// bulkFailure is the error of a job that did not do all it should.
func bulkFailure(j catalog.BulkJob) error {
	switch {
	case j.Status == catalog.BulkAborted:
		return fmt.Errorf("%s: the job was aborted", j.FileName)
	case j.Status == catalog.BulkFailed && j.ErrorText != "":
		return refusedError{fmt.Errorf("%s: %s", j.FileName, j.ErrorText)}
	case j.Failed > 0:
		return fmt.Errorf("%s: %d of %d items failed", j.FileName, j.Failed, j.Total)
	}
	return nil
}

//go:build linux

package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"sluice/catalog"
	"sluice/ingest"
	"sluice/ingest/inbox"
	"sluice/pipeline/stage"
)

type ingestFlags struct {
	account       int64
	name          string
	referenceID   string
	move, noWait  bool
	skipIdentical bool
	asJSON, quiet bool
}

// ingestResult is a line of --json.
type ingestResult struct {
	Entry     catalog.EntryID `json:"entry,omitempty"`
	Name      string          `json:"name"`
	Status    int             `json:"status"`
	ErrorCode string          `json:"error_code,omitempty"`
	ErrorText string          `json:"error_text,omitempty"`
	Player    string          `json:"player,omitempty"`
	Seconds   float64         `json:"seconds"`
	err       error
}

func ingestCommand() *cobra.Command {
	var f ingestFlags
	cmd := &cobra.Command{
		Use:   "ingest FILE…",
		Short: "Take files in, watch it happen, print the player's URL",
		Long: `Take files in: each becomes an entry whose renditions a running 'sluice serve' (or worker) makes. The original is
kept and checksummed; the file itself stays where it is unless --move says otherwise.

The command shares the server's configuration: the same data directory, or the same database and storage URLs.
It waits until the entries are ready and shows their progress; --no-wait only hands the files over.`,
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
	fl.StringVar(&f.name, "name", "", "name of the entry, with a single file (default: the file's name)")
	fl.StringVar(&f.referenceID, "reference-id", "", "reference id of the entry, with a single file")
	fl.BoolVar(&f.move, "move", false, "take the file away from where it is")
	fl.BoolVar(&f.skipIdentical, "skip-identical", false, "make no second entry of a file with the same content")
	fl.BoolVar(&f.noWait, "no-wait", false, "do not wait until the entries are ready")
	fl.BoolVar(&f.asJSON, "json", false, "print a JSON line a file")
	fl.BoolVarP(&f.quiet, "quiet", "q", false, "show no progress")
	return cmd
}

func (f ingestFlags) run(cmd *cobra.Command, sys *system, files []string) error {
	if len(files) > 1 && (f.name != "" || f.referenceID != "") {
		return usageError{errors.New("--name and --reference-id go with a single file")}
	}
	if f.account == 0 {
		f.account = int64(sys.account())
	}
	if !f.noWait {
		if err := askReady(cmd.Context(), sys.cfg); err != nil {
			fmt.Fprintf(cmd.ErrOrStderr(), "sluice: no server answers at %s (%v); the files wait until 'sluice serve' runs\n", baseURL(sys.cfg), err)
		}
	}
	in := sys.ingester()
	results := make([]ingestResult, len(files))
	for i, path := range files {
		results[i] = f.take(cmd, sys, in, path)
		if f.noWait {
			f.print(cmd, results[i])
		}
	}
	if !f.noWait {
		for i := range results {
			if results[i].err == nil {
				f.watch(cmd, sys, &results[i])
			}
			f.print(cmd, results[i])
		}
	}
	return worst(results)
}

// take hands one file over.
func (f ingestFlags) take(cmd *cobra.Command, sys *system, in *ingest.Ingester, path string) ingestResult {
	res := ingestResult{Name: filepath.Base(path)}
	req := ingest.Request{
		Account: catalog.AccountID(f.account), Path: path, Name: f.name, ReferenceID: f.referenceID, Door: "command", Move: f.move,
	}
	if f.skipIdentical {
		sum, err := hashFile(path)
		if err != nil {
			res.err = err
			return res
		}
		req.DedupKey, req.SHA256 = "sha256:"+sum, sum
	}
	bar := newBar(cmd.ErrOrStderr(), "copy", f.quiet || f.asJSON)
	req.Progress = bar.set
	e, err := in.Ingest(cmd.Context(), req)
	bar.close(err == nil)
	if errors.Is(err, catalog.ErrConflict) && e.ID != "" {
		err = nil // the same content came before: its entry is the answer
	}
	if err != nil {
		res.err = err
		res.ErrorText = err.Error()
		return res
	}
	res.Entry, res.Status = e.ID, int(e.Status)
	res.Player = fmt.Sprintf("%s/console/entries/%s", baseURL(sys.cfg), e.ID)
	return res
}

func hashFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// watchEvery is how often a waiting command looks at the catalog.
const watchEvery = 200 * time.Millisecond

// watch shows an entry's progress until it is done.
func (f ingestFlags) watch(cmd *cobra.Command, sys *system, res *ingestResult) {
	ctx, start := cmd.Context(), time.Now()
	bar := newBar(cmd.ErrOrStderr(), string(res.Entry), f.quiet || f.asJSON)
	defer func() { bar.close(res.err == nil) }()
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		e, err := sys.catalog.EntryByID(ctx, res.Entry)
		if err != nil {
			res.err = err
			return
		}
		res.Status, res.ErrorCode, res.ErrorText, res.Seconds = int(e.Status), e.ErrorCode, e.ErrorText, time.Since(start).Seconds()
		switch {
		case e.Status == catalog.EntryReady:
			return
		case e.Status < 0:
			res.err = refusedError{fmt.Errorf("%s: %s (%s)", res.Name, e.ErrorText, e.ErrorCode)}
			return
		case e.Status == catalog.EntryDeleted:
			res.err = fmt.Errorf("entry %s was deleted: %w", res.Entry, catalog.ErrNotFound)
			return
		}
		if p, err := sys.catalog.Progress(ctx, res.Entry); err == nil {
			bar.set(int64(p[res.Entry].Done*1000), int64(p[res.Entry].Total*1000))
			bar.note(string(p[res.Entry].Stage))
		}
		select {
		case <-ctx.Done():
			res.err = ctx.Err()
			return
		case <-tick.C:
		}
	}
}

func (f ingestFlags) print(cmd *cobra.Command, res ingestResult) {
	switch {
	case f.asJSON:
		_ = printLine(cmd.OutOrStdout(), res)
	case res.err == nil && f.noWait:
		fmt.Fprintf(cmd.OutOrStdout(), "%s\t%s\t%s\n", res.Entry, res.Name, res.Player)
	case res.err == nil:
		fmt.Fprintf(cmd.OutOrStdout(), "%s is ready after %.1f s\n  entry  %s\n  player %s\n", res.Name, res.Seconds, res.Entry, res.Player)
	default:
		fmt.Fprintf(cmd.ErrOrStderr(), "%s: %v\n", res.Name, res.err)
	}
}

// worst is the error that decides the exit code: of several, the first.
func worst(results []ingestResult) error {
	failed := 0
	var first error
	for _, r := range results {
		if r.err != nil {
			failed++
			first = errors.Join(first, r.err)
		}
	}
	switch {
	case failed == 0:
		return nil
	case len(results) == 1:
		return first
	}
	return fmt.Errorf("%d of %d files failed: %w", failed, len(results), first)
}

// ingester is the way in for this process.
func (s *system) ingester() *ingest.Ingester {
	return &ingest.Ingester{
		Catalog: s.catalog, Incoming: s.cfg.Data("incoming"), Admit: s.admit, Log: s.log,
		Arrival: func(o ingest.Original) []catalog.NewTask {
			return stage.Arrival(stage.ImportPayload{Path: o.Path, Asset: o.Asset, Key: o.Key, SHA256: o.SHA256})
		},
	}
}

// startInbox watches the inbox until ctx ends. A folder of the inbox that is named by a number belongs to that account.
func (s *system) startInbox(ctx context.Context, g *errgroup.Group) error {
	box, err := inbox.New(inbox.Config{
		Dir: s.cfg.InboxDir(), Ingester: s.ingester(), Account: s.account(),
		EnsureAccount: func(ctx context.Context, id catalog.AccountID) error {
			_, _, err := s.catalog.EnsureAccount(ctx, id, fmt.Sprintf("account %d", id))
			return err
		},
		Settle: s.cfg.Duration("inbox.settle"), Sweep: s.cfg.Duration("inbox.sweep"), Marker: s.cfg.Text("inbox.marker"), Log: s.log,
	})
	if err != nil {
		return fmt.Errorf("inbox: %w", err)
	}
	g.Go(func() error { return box.Run(ctx) })
	return nil
}

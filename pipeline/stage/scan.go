package stage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"sluice/catalog"
	"sluice/codec"
	"sluice/pipeline"
	"sluice/storage"
)

// Scanner looks for what must not be taken in.
type Scanner interface {
	// Scan reads up to size bytes of r. An error says that there is no verdict, now or ever: one that no retry can help is
	// pipeline.Permanent.
	Scan(ctx context.Context, r io.Reader, size int64) (Verdict, error)
}

// Verdict is what a Scanner found.
type Verdict struct {
	// Virus is the name of what was found, "" for nothing.
	Virus string
	// Scanned is how many bytes were looked at.
	Scanned int64
	// Unscanned says why content counts as clean that was not looked at, or not all of it.
	Unscanned string
}

// QuarantineFolder is where infected content is kept, out of everybody's reach.
const QuarantineFolder = "quarantine/"

// scanName is the name of the task that scans an original.
const scanName = "scan"

// scanTask is the task that scans an original: beside what is made of it, but before its entry is ready.
func scanTask() catalog.NewTask {
	return catalog.NewTask{Stage: catalog.StageScan, Name: scanName, Priority: 1, Weight: weightScan}
}

// Scan lets the scanner look at the original. Infected content is put aside, and the entry fails.
func (e *Env) Scan(ctx context.Context, t catalog.Task, progress Progress) (Outcome, error) {
	if e.Scanner == nil {
		return Outcome{}, errors.New("this worker has no scanner: scan.clamd is not set")
	}
	orig, err := e.original(ctx, t)
	if err != nil {
		return Outcome{}, err
	}
	v, err := e.scanObject(ctx, orig.Key, progress)
	if err != nil {
		return Outcome{}, err
	}
	found := catalog.AssetScan{Bytes: v.Scanned, Virus: v.Virus, Note: v.Unscanned, At: time.Now().UTC()}
	if v.Virus != "" {
		return Outcome{}, e.quarantine(ctx, orig, found)
	}
	return Outcome{
		Result: map[string]any{"bytes": v.Scanned, "unscanned": v.Unscanned},
		Commit: func(ctx context.Context, tx *catalog.Tx) error {
			err := tx.UpdateAsset(ctx, orig.ID, func(a *catalog.Asset) error {
				a.Details.Scan = &found
				if strings.HasPrefix(a.Key, QuarantineFolder) { // what was found before was none
					a.Status, a.ErrorText = catalog.AssetReady, ""
				}
				return nil
			})
			if err != nil {
				return err
			}
			return e.markPlayable(ctx, tx, t.Entry)
		},
	}, nil
}

func (e *Env) scanObject(ctx context.Context, key string, progress Progress) (Verdict, error) {
	r, err := e.Store.Open(ctx, key)
	if err != nil {
		return Verdict{}, codec.NewError(codec.SourceIO, "scan", fmt.Sprintf("object %q", key), err)
	}
	defer r.Close()
	size := r.Object().Size
	src := &told{r: io.NewSectionReader(r, 0, size), size: size, progress: progress}
	return e.Scanner.Scan(ctx, src, size)
}

// told tells how far a reader is.
type told struct {
	r          io.Reader
	done, size int64
	progress   Progress
}

func (t *told) Read(b []byte) (int, error) {
	n, err := t.r.Read(b)
	t.done += int64(n)
	t.progress(t.done, t.size, 0)
	return n, err
}

// quarantine puts the content of an original aside and returns the failure that the entry shows. Done again it does nothing more.
func (e *Env) quarantine(ctx context.Context, orig catalog.Asset, found catalog.AssetScan) error {
	text := infected(found.Virus)
	aside := orig.Key
	if !strings.HasPrefix(aside, QuarantineFolder) {
		aside = QuarantineFolder + orig.Key
		if _, err := e.Store.Concat(ctx, aside, nil, []storage.Part{{Key: orig.Key}}, true); err != nil {
			return codec.NewError(codec.SinkIO, "scan", "infected content cannot be put aside", err)
		}
	}
	err := e.Catalog.UpdateAsset(ctx, orig.ID, func(a *catalog.Asset) error {
		a.Key, a.Status, a.ErrorText, a.Details.Scan = aside, catalog.AssetError, text, &found
		return nil
	})
	if err != nil {
		return err
	}
	if orig.SHA256 != "" {
		if err := e.Catalog.Quarantine(ctx, orig.SHA256, string(codec.VirusFound)); err != nil {
			return err
		}
	}
	e.Log.Warn("infected content put aside", "entry", orig.Entry, "account", orig.Account, "asset", orig.ID, "virus", found.Virus, "object", aside)
	return virusError(found.Virus)
}

func infected(virus string) string {
	return fmt.Sprintf("The file is infected (%s). It was put aside and is not published.", virus)
}

func virusError(virus string) error {
	err := codec.NewError(codec.VirusFound, "scan", virus, nil)
	err.User = infected(virus)
	return err
}

// scanInline is the default of Env.ScanInline.
const scanInline = 64 << 20

func (e *Env) inline() int64 {
	if e.ScanInline > 0 {
		return e.ScanInline
	}
	return scanInline
}

// scanArrival scans what an import is about to keep, and puts it aside when it is infected. It returns nil when nobody looked.
func (e *Env) scanArrival(ctx context.Context, p ImportPayload, obj storage.Object, progress Progress) (*catalog.AssetScan, error) {
	if e.Scanner == nil || p.From != nil || p.Use == UseOriginal && obj.Size > e.inline() {
		return nil, nil
	}
	v, err := e.scanObject(ctx, p.Key, progress)
	if err != nil {
		return nil, err
	}
	found := catalog.AssetScan{Bytes: v.Scanned, Virus: v.Virus, Note: v.Unscanned, At: time.Now().UTC()}
	if v.Virus == "" {
		return &found, nil
	}
	asset, err := e.Catalog.Asset(ctx, p.Asset)
	if err != nil {
		return nil, err
	}
	asset.Key, asset.SHA256 = p.Key, obj.SHA256
	return nil, e.quarantine(ctx, asset, found)
}

// afterScan makes the tasks that end an entry's making wait for the scan of its original.
func afterScan(ctx context.Context, tx *catalog.Tx, t catalog.Task, tasks []catalog.NewTask) ([]catalog.NewTask, error) {
	all, err := tx.Tasks(ctx, t.Entry)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(all, func(s catalog.Task) bool { return s.Stage == catalog.StageScan && s.Version == t.Version })
	if i < 0 {
		return tasks, nil
	}
	tasks = slices.Clone(tasks) // a commit may run several times
	for n := range tasks {
		if tasks[n].Stage == catalog.StageFinish {
			tasks[n].AfterTasks = append(slices.Clone(tasks[n].AfterTasks), all[i].ID)
		}
	}
	return tasks, nil
}

// errUnscanned says that an entry waits for a verdict.
var errUnscanned = errors.New("the scan of the original is not over")

// scanned refuses to make an entry ready, for now, whose original is not scanned yet.
func (e *Env) scanned(ctx context.Context, t catalog.Task) error {
	all, err := e.Catalog.Tasks(ctx, t.Entry)
	if err != nil {
		return err
	}
	for _, s := range all {
		if s.Stage == catalog.StageScan && s.Version == t.Version && s.State != catalog.TaskDone {
			return pipeline.Postpone(errUnscanned)
		}
	}
	return nil
}

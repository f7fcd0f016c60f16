package manifest_test

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sluice/catalog"
	"sluice/catalog/seal"
	"sluice/ingest/content"
	"sluice/ingest/fetch"
	"sluice/ingest/manifest"
	"sluice/ingest/upload"
	"sluice/internal/pgtest"
	"sluice/storage/disk"
)

const account catalog.AccountID = 101

// rig is a catalog, a store and what takes documents in, without workers: files are handed over and stay at that.
type rig struct {
	t      *testing.T
	db     *catalog.DB
	jobs   *manifest.Jobs
	folder string
}

// drop is the id of the rig's drop folder.
const drop = 7

func newRig(t *testing.T) *rig {
	return newRigAt(t, "sqlite://"+filepath.Join(t.TempDir(), "catalog.db"))
}

// everyDatabase runs a test in SQLite and in PostgreSQL.
func everyDatabase(t *testing.T, test func(t *testing.T, r *rig)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { test(t, newRig(t)) })
	t.Run("postgres", func(t *testing.T) { test(t, newRigAt(t, pgtest.Start(t))) })
}

func newRigAt(t *testing.T, location string) *rig {
	t.Helper()
	dir := t.TempDir()
	db, err := catalog.Open(t.Context(), location)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	if _, _, err := db.EnsureAccount(t.Context(), account, "test"); err != nil {
		t.Fatal(err)
	}
	keys, err := seal.LoadOrCreate(filepath.Join(dir, "key"))
	if err != nil {
		t.Fatal(err)
	}
	ring, err := seal.NewRing(keys...)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Unlock(t.Context(), ring); err != nil {
		t.Fatal(err)
	}
	store, err := disk.Open(filepath.Join(dir, "objects"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	guard, err := fetch.NewGuard([]string{"127.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	c := &content.Service{
		Catalog: db, Store: store, Incoming: filepath.Join(dir, "incoming"), Log: log,
		Fetcher: &fetch.Fetcher{Dir: filepath.Join(dir, "fetch"), Guard: guard, Secrets: db, Tries: 1},
	}
	c.Uploads = &upload.Engine{Catalog: db, Dir: filepath.Join(dir, "uploads"), Arrived: c.Arrived, Lost: c.Lost, Log: log}
	r := &rig{t: t, db: db, folder: filepath.Join(dir, "folder")}
	if err := os.MkdirAll(r.folder, 0o755); err != nil {
		t.Fatal(err)
	}
	r.jobs = &manifest.Jobs{
		Catalog: db, Store: store, Content: c, Log: log, Every: 5 * time.Millisecond, Lease: time.Minute,
		Files: func(_ context.Context, folder catalog.DropFolderID, rel string) (content.Source, error) {
			path := filepath.Join(r.folder, rel)
			if _, err := os.Stat(path); err != nil || folder != drop {
				return nil, os.ErrNotExist
			}
			return content.File{Path: path}, nil
		},
		Language: func(name string) (string, bool) { return strings.ToLower(name), len(name) == 2 },
	}
	return r
}

// file writes a file into the drop folder.
func (r *rig) file(name, text string) {
	r.t.Helper()
	path := filepath.Join(r.folder, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		r.t.Fatal(err)
	}
}

// add takes a document in.
func (r *rig) add(f manifest.Format, text string, options ...func(*manifest.Add)) catalog.BulkJob {
	r.t.Helper()
	a := manifest.Add{Format: f, FileName: "test." + string(f), Document: strings.NewReader(text), Folder: drop, User: "sender"}
	for _, o := range options {
		o(&a)
	}
	j, err := r.jobs.Add(r.t.Context(), account, a)
	if err != nil {
		r.t.Fatal(err)
	}
	return j
}

// run takes a document in, carries jobs out until it has ended, and returns it with its results.
func (r *rig) run(f manifest.Format, text string, options ...func(*manifest.Add)) (catalog.BulkJob, []catalog.BulkResult) {
	r.t.Helper()
	j := r.add(f, text, options...)
	stop := r.start()
	defer stop()
	return r.wait(j)
}

// start carries jobs out until it is told to stop.
func (r *rig) start() (stop func()) {
	ctx, cancel := context.WithCancel(r.t.Context())
	done := make(chan error, 1)
	go func() { done <- r.jobs.Run(ctx) }()
	return func() {
		cancel()
		if err := <-done; err != nil {
			r.t.Error(err)
		}
	}
}

// wait returns a job that has ended, and its results.
func (r *rig) wait(j catalog.BulkJob) (catalog.BulkJob, []catalog.BulkResult) {
	r.t.Helper()
	for end := time.Now().Add(patience); !j.Status.Ended(); {
		if time.Now().After(end) {
			r.t.Fatalf("the job does not end: %+v", j)
		}
		time.Sleep(2 * time.Millisecond)
		var err error
		if j, err = r.db.BulkJob(r.t.Context(), account, j.ID); err != nil {
			r.t.Fatal(err)
		}
	}
	var rows []catalog.BulkResult
	for after := int64(0); ; after = rows[len(rows)-1].Line {
		page, err := r.db.BulkResultsAfter(r.t.Context(), account, j.ID, after, 1000, false)
		if err != nil {
			r.t.Fatal(err)
		}
		if rows = append(rows, page...); len(page) < 1000 {
			return j, rows
		}
	}
}

func (r *rig) entry(id string) catalog.Entry {
	r.t.Helper()
	e, err := r.db.Entry(r.t.Context(), account, catalog.EntryID(id))
	if err != nil {
		r.t.Fatal(err)
	}
	return e
}

func strict(a *manifest.Add)              { a.Strict = true }
func dryRun(a *manifest.Add)              { a.DryRun = true }
func ofUser(a *manifest.Add)              { a.Owner = "ann" }
func with(key string) func(*manifest.Add) { return func(a *manifest.Add) { a.Key = key } }

// patience is how long a test waits for what a loaded machine may take.
const patience = 2 * time.Minute

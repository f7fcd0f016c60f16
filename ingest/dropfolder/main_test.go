package dropfolder

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"sluice/catalog"
	"sluice/ingest"
	"sluice/ingest/content"
	"sluice/pipeline/stage"
	"sluice/storage/disk"
)

const account catalog.AccountID = 101

// house is a catalog with a drop folder and, once started, a watcher. No worker runs: entries wait for their import.
type house struct {
	testing.TB
	db     *catalog.DB
	dir    string
	folder catalog.DropFolder
	cfg    Config
	stop   func()
}

// newHouse makes a house whose folder is as change makes it.
func newHouse(t testing.TB, change ...func(*catalog.DropFolder)) *house {
	t.Helper()
	if t, ok := t.(*testing.T); ok {
		t.Parallel() // most of a test's time is waiting
	}
	h := &house{TB: t, dir: t.TempDir()}
	var err error
	if h.db, err = catalog.Open(t.Context(), "sqlite://"+filepath.Join(h.dir, "catalog.db")); err != nil {
		t.Fatal(err)
	}
	store, err := disk.Open(filepath.Join(h.dir, "objects"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(store.Close(), h.db.Close()); err != nil {
			t.Error(err)
		}
	})
	if _, _, err := h.db.EnsureAccount(t.Context(), account, "test"); err != nil {
		t.Fatal(err)
	}
	f := catalog.DropFolder{
		Name: "drop", Type: catalog.DropFolderLocal, Status: catalog.DropFolderEnabled, Path: filepath.Join(h.dir, "drop"),
		Handler: catalog.HandleContent, DeletePolicy: catalog.DeleteAfterImport, Options: catalog.DropFolderOptions{Match: catalog.AddAsNew},
	}
	for _, c := range change {
		c(&f)
	}
	if h.folder, err = h.db.AddDropFolder(t.Context(), account, f); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(h.dir, "drop"), 0o755); err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	h.cfg = Config{
		Catalog: h.db, Incoming: filepath.Join(h.dir, "incoming"), Log: log, Sweep: 200 * time.Millisecond, settle: 6 * time.Millisecond,
		Content: &content.Service{Catalog: h.db, Store: store, Incoming: filepath.Join(h.dir, "incoming"), Log: log},
		Arrival: func(o ingest.Original) []catalog.NewTask {
			return stage.Arrival(stage.ImportPayload{Path: o.Path, Asset: o.Asset, Key: o.Key, SHA256: o.SHA256})
		},
	}
	return h
}

// start runs a watcher until the test, or stop, ends it.
func (h *house) start() *house {
	h.Helper()
	w, err := New(h.cfg)
	if err != nil {
		h.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	stopped := false
	h.stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-ended; err != nil {
			h.Errorf("Run: %v", err)
		}
	}
	h.Cleanup(h.stop)
	return h
}

func (h *house) path(rel string) string { return filepath.Join(h.dir, "drop", rel) }

// write writes a file in its place, over what is there.
func (h *house) write(rel, content string) {
	h.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(h.path(rel)), 0o755), os.WriteFile(h.path(rel), []byte(content), 0o644)); err != nil {
		h.Fatal(err)
	}
}

// drop renames a complete file into place.
func (h *house) drop(rel, content string) {
	h.Helper()
	tmp := filepath.Join(h.dir, "drop", ".tmp-"+catalog.PathKey(rel))
	err := errors.Join(os.WriteFile(tmp, []byte(content), 0o644), os.MkdirAll(filepath.Dir(h.path(rel)), 0o755), os.Rename(tmp, h.path(rel)))
	if err != nil {
		h.Fatal(err)
	}
}

// until polls for what other goroutines do.
func (h *house) until(what string, ok func() bool) {
	h.Helper()
	for end := time.Now().Add(2 * time.Minute); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			for _, f := range h.rows() {
				h.Logf("row %d %q: status %d entry %q error %s %s why %q", f.ID, f.Path, f.Status, f.Entry, f.ErrorCode, f.ErrorText, f.Why)
			}
			f, _ := h.db.DropFolderByID(context.Background(), h.folder.ID)
			h.Fatalf("waited too long for %s; folder error %d %s", what, f.ErrorCode, f.ErrorText)
		}
	}
}

// rows returns all rows of the folder, also those of history.
func (h *house) rows() []catalog.DropFolderFile {
	h.Helper()
	all := append(statuses{purged}, live...)
	rows, err := h.db.PickDropFolderFiles(context.Background(), catalog.FilePick{Folder: h.folder.ID, Statuses: all})
	if err != nil {
		h.Fatal(err)
	}
	return rows
}

// row returns the newest row of a path.
func (h *house) row(rel string) catalog.DropFolderFile {
	h.Helper()
	var last catalog.DropFolderFile
	for _, r := range h.rows() {
		if r.Path == rel {
			last = r
		}
	}
	return last
}

// wait waits until the newest row of a path has the status, and returns it.
func (h *house) wait(rel string, status catalog.DropFolderFileStatus) catalog.DropFolderFile {
	h.Helper()
	var r catalog.DropFolderFile
	h.until(rel+" to have the status", func() bool {
		r = h.row(rel)
		return r.Status == status
	})
	return r
}

// entries returns the account's entries with the bytes of their originals, which wait for their import, by name.
func (h *house) entries() map[string][]string {
	h.Helper()
	list, _, err := h.db.QueryEntries(context.Background(), account, catalog.Query{Limit: catalog.Everything})
	if err != nil {
		h.Fatal(err)
	}
	out := map[string][]string{}
	for _, e := range list {
		out[e.Name] = append(out[e.Name], h.content(e.ID))
	}
	return out
}

// content returns the bytes that an entry's newest import task is about.
func (h *house) content(id catalog.EntryID) string {
	h.Helper()
	tasks, err := h.db.Tasks(context.Background(), id)
	if err != nil {
		h.Fatal(err)
	}
	text := ""
	for _, task := range tasks {
		if task.Stage != catalog.StageImport || task.State == catalog.TaskCancelled {
			continue
		}
		var p stage.ImportPayload
		decode(h.TB, task.Payload, &p)
		b, err := os.ReadFile(p.Path)
		if err != nil {
			h.Error(err)
		}
		text = string(b)
	}
	return text
}

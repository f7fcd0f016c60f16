package growing

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sluice/catalog"
	"sluice/pipeline/stage"
	"sluice/storage/disk"
)

// rig is an entry that waits for an upload, and two watchers.
type rig struct {
	*testing.T
	db       *catalog.DB
	store    *disk.Store
	dir      string
	entry    catalog.Entry
	token    catalog.UploadToken
	watchers [2]*Watcher
}

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{T: t, dir: t.TempDir()}
	var err error
	if r.db, err = catalog.Open(t.Context(), "sqlite://"+filepath.Join(r.dir, "catalog.db")); err != nil {
		t.Fatal(err)
	}
	if r.store, err = disk.Open(filepath.Join(r.dir, "objects")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(r.store.Close(), r.db.Close()); err != nil {
			t.Error(err)
		}
	})
	if _, _, err := r.db.EnsureAccount(t.Context(), 1, "a"); err != nil {
		t.Fatal(err)
	}
	if r.entry, _, _, err = r.db.CreateEntry(t.Context(), catalog.NewEntry{Account: 1, Name: "film"}, nil, nil); err != nil {
		t.Fatal(err)
	}
	if r.token, err = r.db.AddUploadToken(t.Context(), catalog.UploadToken{Account: 1}, 0); err != nil {
		t.Fatal(err)
	}
	for i := range r.watchers {
		r.watchers[i] = &Watcher{
			Catalog: r.db, Store: r.store, Log: slog.New(slog.DiscardHandler), Path: r.path,
			Original: func(context.Context, *catalog.Tx, catalog.UploadToken) (catalog.EntryID, int, bool, error) {
				return r.entry.ID, r.entry.Version, true, nil
			},
		}
	}
	return r
}

func (r *rig) path(t catalog.UploadToken) string { return filepath.Join(r.dir, string(t.ID)) }

// upload says that so much of a file is there, of a generation.
func (r *rig) upload(file []byte, generation int, status catalog.UploadStatus) {
	r.Helper()
	if err := os.WriteFile(r.path(r.token), file, 0o600); err != nil {
		r.Fatal(err)
	}
	_, err := r.db.UpdateUploadToken(r.Context(), 1, r.token.ID, func(n *catalog.UploadToken) error {
		n.Status, n.Generation, n.Extents = status, generation, catalog.Extents(nil).Add(0, int64(len(file)))
		n.AttachedType, n.AttachedID = "entry", string(r.entry.ID)
		return nil
	})
	if err != nil {
		r.Fatal(err)
	}
}

// look lets both watchers look.
func (r *rig) look() {
	r.Helper()
	for _, w := range r.watchers {
		if err := w.Look(r.Context()); err != nil {
			r.Fatal(err)
		}
	}
}

// wantWork checks the early work that there is, and its live tasks.
func (r *rig) wantWork(tasks int, states ...catalog.EarlyState) []catalog.EarlyStatus {
	r.Helper()
	works, err := r.db.EarlyWorks(r.Context())
	if err != nil {
		r.Fatal(err)
	}
	all, err := r.db.Tasks(r.Context(), r.entry.ID)
	if err != nil {
		r.Fatal(err)
	}
	live := 0
	for _, t := range all {
		if t.State != catalog.TaskCancelled {
			live++
		}
	}
	if live != tasks || len(works) != len(states) {
		r.Fatalf("%d works, %d live tasks; want %d, %d", len(works), live, len(states), tasks)
	}
	for i, w := range works {
		if w.State != states[i] {
			r.Errorf("work is %s, want %s", w.State, states[i])
		}
	}
	return works
}

// film is a file with its index in front, of which the first bytes are worth a look.
func film() []byte {
	return append(boxes("ftyp", "moov=mvhd+"+strings.Repeat("trak+", 10)+"trak"), append([]byte{0, 0x80, 0, 0, 'm', 'd', 'a', 't'}, make([]byte, leadBytes)...)...)
}

func TestTwoWatchersBeginWorkOnce(t *testing.T) {
	r := newRig(t)
	r.upload(film()[:2000], 1, catalog.UploadPartial)
	r.look()
	r.wantWork(0)
	r.upload(film(), 1, catalog.UploadPartial)
	r.look()
	r.look()
	w := r.wantWork(1, catalog.EarlyWorking)[0]
	if w.Size < 8<<20 || w.Path != r.path(r.token) || !w.Arriving() {
		t.Errorf("work %+v", w)
	}
	r.upload(film(), 1, catalog.UploadClosed)
	r.look()
	r.wantWork(1, catalog.EarlyWorking) // the plan of the complete file decides
}

func TestAFileThatIsBegunAnewIsAnotherWork(t *testing.T) {
	r := newRig(t)
	r.upload(film(), 1, catalog.UploadPartial)
	r.look()
	first := r.wantWork(1, catalog.EarlyWorking)[0]
	if _, err := r.store.Put(t.Context(), stage.EarlyFolder(1, first.EarlyWork)+"x", strings.NewReader("x")); err != nil {
		t.Fatal(err)
	}
	r.upload(film(), 2, catalog.UploadPartial)
	r.look()
	r.look()
	if w := r.wantWork(1, catalog.EarlyWorking)[0]; w.Generation != 2 {
		t.Errorf("work on generation %d", w.Generation)
	}
	for o, err := range r.store.List(t.Context(), "") {
		t.Errorf("left: %v, %v", o, err)
	}
}

func TestWorkEndsWithItsPurpose(t *testing.T) {
	for name, end := range map[string]func(r *rig) error{
		"the upload is given up": func(r *rig) error { r.upload(film(), 1, catalog.UploadTimeout); return nil },
		"the entry is deleted":   func(r *rig) error { return r.db.DeleteEntry(r.Context(), r.entry.ID) },
		"the entry failed": func(r *rig) error {
			return r.db.UpdateEntry(r.Context(), r.entry.ID, func(e *catalog.Entry) error { e.Status = catalog.EntryErrorImporting; return nil })
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.upload(film(), 1, catalog.UploadPartial)
			if err := r.db.UpdateEntry(t.Context(), r.entry.ID, func(e *catalog.Entry) error { e.Status = catalog.EntryImport; return nil }); err != nil {
				t.Fatal(err)
			}
			r.look()
			r.wantWork(1, catalog.EarlyWorking)
			if err := end(r); err != nil {
				t.Fatal(err)
			}
			for _, w := range r.watchers { // as if nobody waited for it any more
				w.Original = func(context.Context, *catalog.Tx, catalog.UploadToken) (catalog.EntryID, int, bool, error) {
					return "", 0, false, nil
				}
			}
			r.look()
			r.look()
			if works, err := r.db.EarlyWorks(t.Context()); err != nil || len(works) > 0 && works[0].State != catalog.EarlyUnsuited {
				t.Errorf("works %+v, %v", works, err)
			}
		})
	}
}

func TestWorkThatWasContradictedIsNotBegunAgain(t *testing.T) {
	r := newRig(t)
	r.upload(film(), 1, catalog.UploadPartial)
	r.look()
	r.wantWork(1, catalog.EarlyWorking)
	if err := r.db.InTx(t.Context(), func(tx *catalog.Tx) error { return tx.DropEarly(t.Context(), r.token.ID) }); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		r.look()
	}
	r.wantWork(0, catalog.EarlyUnsuited)
	r.upload(film(), 1, catalog.UploadClosed)
	r.look()
	r.wantWork(0)
}

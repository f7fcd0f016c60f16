package stage_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/catalog"
	"sluice/codec"
	"sluice/pipeline/stage"
	"sluice/storage"
	"sluice/storage/disk"
)

// rig is what stages work with, on a catalog and a store of its own.
type rig struct {
	*testing.T
	*stage.Env
	store *disk.Store
}

func newRig(t *testing.T) rig {
	t.Helper()
	dir := t.TempDir()
	db, err := catalog.Open(t.Context(), "sqlite://"+filepath.Join(dir, "catalog.db"))
	if err != nil {
		t.Fatal(err)
	}
	store, err := disk.Open(filepath.Join(dir, "objects"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(store.Close(), db.Close()); err != nil {
			t.Error(err)
		}
	})
	if _, _, err := db.EnsureAccount(t.Context(), 1, "a"); err != nil {
		t.Fatal(err)
	}
	return rig{t, &stage.Env{
		Catalog: db, Store: store, Log: slog.New(slog.DiscardHandler),
		Share: func(context.Context, catalog.Task, codec.Job) (int, func(), error) { return 1, func() {}, nil },
	}, store}
}

// keys are all objects.
func (r rig) keys() []string {
	r.Helper()
	var out []string
	for o, err := range r.store.List(r.Context(), "") {
		if err != nil {
			r.Fatal(err)
		}
		out = append(out, o.Key)
	}
	return out
}

// arrival is an entry whose file waits in a folder of its own, with its claimed import task.
func (r rig) arrival(text string) (catalog.Task, string) {
	r.Helper()
	id, asset := catalog.NewEntryID(), catalog.NewAssetID()
	file := filepath.Join(filepath.Dir(r.store.Dir()), "incoming", string(id), "clip.mp4")
	if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
		r.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		r.Fatal(err)
	}
	key := "1/" + string(id) + "/1/" + string(asset) + "/source.mp4"
	_, _, tasks, err := r.Catalog.CreateEntry(r.Context(), catalog.NewEntry{ID: id, Account: 1, Name: "clip"}, []catalog.Asset{{
		ID: asset, Type: catalog.AssetFlavor, Status: catalog.AssetImporting, Version: 1, Name: "source", Original: true,
	}}, stage.Arrival(stage.ImportPayload{Path: file, Asset: asset, Key: key}))
	if err != nil {
		r.Fatal(err)
	}
	return r.claim(tasks[0].ID), file
}

func (r rig) claim(id catalog.TaskID) catalog.Task {
	r.Helper()
	task, err := r.Catalog.Claim(r.Context(), id, "worker", time.Minute)
	if err != nil {
		r.Fatal(err)
	}
	return task
}

func (r rig) commit(task catalog.Task, out stage.Outcome) {
	r.Helper()
	err := r.Catalog.Complete(r.Context(), task.ID, task.Attempt, nil, func(tx *catalog.Tx) error { return out.Commit(r.Context(), tx) })
	if err != nil {
		r.Fatal(err)
	}
}

func noProgress(int64, int64, int64) {}

// TestImportThatWasKilledBeforeItsCommitIsDoneOnce: the file is in storage, but nobody knows, when the worker dies.
func TestImportThatWasKilledBeforeItsCommitIsDoneOnce(t *testing.T) {
	r := newRig(t)
	task, file := r.arrival("bytes")
	first, err := r.Import(t.Context(), task, noProgress)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Dir(file)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder of the received file is still there: %v", err)
	}
	if err := r.Catalog.Release(t.Context(), task.ID, task.Attempt); err != nil {
		t.Fatal(err)
	}
	task = r.claim(task.ID)
	second, err := r.Import(t.Context(), task, noProgress)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(first.Result, second.Result); diff != "" {
		t.Error(diff)
	}
	r.commit(task, second)
	assets, err := r.Catalog.Assets(t.Context(), task.Entry)
	if err != nil || len(assets) != 1 || assets[0].Status != catalog.AssetReady || assets[0].Size != 5 || assets[0].SHA256 == "" {
		t.Errorf("assets %+v, %v", assets, err)
	}
	if diff := cmp.Diff([]string{assets[0].Key}, r.keys()); diff != "" {
		t.Error(diff)
	}
}

func TestImportSaysWhatIsWrongWithTheFile(t *testing.T) {
	r := newRig(t)
	for name, test := range map[string]struct {
		text string
		do   func(file string) error
		want codec.Code
	}{
		"empty": {"", func(string) error { return nil }, codec.EmptyFile},
		"gone":  {"x", os.Remove, codec.SourceIO},
		"still written": {"x", func(file string) error {
			f, err := os.OpenFile(file, os.O_WRONLY, 0)
			if err == nil {
				t.Cleanup(func() { _ = f.Close() })
			}
			return err
		}, codec.SourceIO},
	} {
		task, file := r.arrival(test.text)
		if err := test.do(file); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Import(t.Context(), task, noProgress); codec.CodeOf(err) != test.want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// painter is an engine whose pictures are text; it may fail when they are made.
type painter struct {
	codec.Engine
	fails error
}

func (p painter) Run(_ context.Context, _ codec.Source, _ codec.Job, sink codec.Sink) (codec.Report, error) {
	for _, name := range []string{"poster.jpg", "storyboard-0.jpg", "storyboard.vtt"} {
		if err := sink.File(name, []byte(name)); err != nil {
			return codec.Report{}, err
		}
	}
	return codec.Report{}, p.fails
}

// pictures is an entry with an original and a claimed thumbs task.
func (r rig) pictures() catalog.Task {
	r.Helper()
	id, asset := catalog.NewEntryID(), catalog.NewAssetID()
	prefix := "1/" + string(id) + "/1/" + string(asset) + "/"
	for name, text := range map[string]string{
		"source.mp4": "bytes",
		"plan.json":  `{"version":` + fmt.Sprint(codec.PlanVersion) + `,"thumbs":{"width":16,"height":16,"columns":1,"rows":1,"interval_us":1,"duration_us":1}}`,
	} {
		if _, err := r.store.Put(r.Context(), prefix+name, strings.NewReader(text)); err != nil {
			r.Fatal(err)
		}
	}
	_, _, tasks, err := r.Catalog.CreateEntry(r.Context(), catalog.NewEntry{ID: id, Account: 1, Name: "clip"}, []catalog.Asset{{
		ID: asset, Type: catalog.AssetFlavor, Status: catalog.AssetReady, Version: 1, Name: "source", Original: true, Key: prefix + "source.mp4",
	}}, []catalog.NewTask{{Stage: catalog.StageThumbs, Payload: stage.MakePayload{PlanKey: prefix + "plan.json", Span: -1}}})
	if err != nil {
		r.Fatal(err)
	}
	return r.claim(tasks[0].ID)
}

// TestPicturesOfAttemptsThatDidNotCommitAreRemoved: those of one that failed by itself, those of one that was killed by the
// next.
func TestPicturesOfAttemptsThatDidNotCommitAreRemoved(t *testing.T) {
	r := newRig(t)
	task := r.pictures()
	before := r.keys()
	r.Engine = painter{fails: codec.NewError(codec.MediaCrash, "worker", "", nil)}
	out, err := r.Thumbs(t.Context(), task, noProgress)
	if codec.CodeOf(err) != codec.MediaCrash || len(r.keys()) != len(before)+2 {
		t.Fatalf("%v, objects %v", err, r.keys())
	}
	out.Discard(t.Context())
	if diff := cmp.Diff(before, r.keys()); diff != "" {
		t.Errorf("after a failure:\n%s", diff)
	}
	r.Engine = painter{}
	for range 2 { // the first is killed
		if err := r.Catalog.Release(t.Context(), task.ID, task.Attempt); err != nil {
			t.Fatal(err)
		}
		task = r.claim(task.ID)
		if out, err = r.Thumbs(t.Context(), task, noProgress); err != nil {
			t.Fatal(err)
		}
	}
	r.commit(task, out)
	assets, err := r.Catalog.Assets(t.Context(), task.Entry, catalog.AssetThumb, catalog.AssetStoryboard)
	if err != nil || len(assets) != 2 {
		t.Fatalf("assets %+v, %v", assets, err)
	}
	want := slices.Sorted(slices.Values(append(before, assets[0].Key, assets[1].Key)))
	if diff := cmp.Diff(want, r.keys()); diff != "" {
		t.Errorf("after a kill:\n%s", diff)
	}
}

// fullStore has no room for what is put in.
type fullStore struct{ storage.Store }

func (fullStore) Import(context.Context, string, string, storage.ImportOptions) (storage.Object, error) {
	return storage.Object{}, storage.ErrFull
}

func TestFullStorageIsNotTheTasksFault(t *testing.T) {
	r := newRig(t)
	task, file := r.arrival("bytes")
	r.Store = fullStore{r.store}
	_, err := r.Import(t.Context(), task, noProgress)
	if codec.CodeOf(err) != codec.DiskFull {
		t.Errorf("import: %v", err)
	}
	if _, err := os.Stat(file); err != nil {
		t.Errorf("the received file is gone: %v", err)
	}
}

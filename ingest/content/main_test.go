//go:build cgo

package content_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sluice/catalog"
	"sluice/catalog/seal"
	"sluice/codec"
	"sluice/codec/av"
	"sluice/codec/plan"
	"sluice/ingest/content"
	"sluice/ingest/fetch"
	"sluice/ingest/upload"
	"sluice/pipeline/stage"
	"sluice/storage/disk"
)

const account catalog.AccountID = 101

// rig is a service with a catalog, a store and an engine, whose tasks the test does itself.
type rig struct {
	*testing.T
	*content.Service
	env   *stage.Env
	store *disk.Store
	dir   string
}

func newRig(t *testing.T) *rig {
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
	guard, err := fetch.NewGuard([]string{"127.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	s := &content.Service{
		Catalog: db, Store: store, Incoming: filepath.Join(dir, "incoming"), Log: log,
		Fetcher: &fetch.Fetcher{Dir: filepath.Join(dir, "fetch"), Guard: guard, Secrets: db, Tries: 2, FirstWait: time.Millisecond},
	}
	s.Uploads = &upload.Engine{Catalog: db, Dir: filepath.Join(dir, "uploads"), Arrived: s.Arrived, Lost: s.Lost, Log: log, Wait: time.Millisecond}
	env := &stage.Env{
		Catalog: db, Store: store, Log: log, Engine: av.New(av.Config{}),
		Share: func(context.Context, catalog.Task, codec.Job) (int, func(), error) { return 1, func() {}, nil },
		Request: func(context.Context, catalog.AccountID) (codec.Request, error) {
			req := plan.DefaultRequest()
			req.Ladder = req.Ladder[len(req.Ladder)-1:]
			req.Policy.Preset = "ultrafast"
			return req, nil
		},
	}
	return &rig{t, s, env, store, dir}
}

// entry makes an entry without content.
func (r *rig) entry(media catalog.MediaType) catalog.EntryID {
	r.Helper()
	e, _, _, err := r.Catalog.CreateEntry(r.Context(), catalog.NewEntry{Account: account, Name: "film", MediaType: media}, nil, nil)
	if err == nil {
		err = r.Catalog.UpdateEntry(r.Context(), e.ID, func(e *catalog.Entry) error {
			e.Status = catalog.EntryNoContent
			return nil
		})
	}
	if err != nil {
		r.Fatal(err)
	}
	return e.ID
}

// asset adds an asset without content.
func (r *rig) asset(id catalog.EntryID, a catalog.Asset) catalog.AssetID {
	r.Helper()
	made, err := r.Catalog.AddAssets(r.Context(), id, []catalog.Asset{a})
	if err != nil {
		r.Fatal(err)
	}
	return made[0].ID
}

func (r *rig) wantEntry(id catalog.EntryID, status catalog.EntryStatus) catalog.Entry {
	r.Helper()
	e, err := r.Catalog.EntryByID(r.Context(), id)
	if err != nil {
		r.Fatal(err)
	}
	if e.Status != status {
		r.Errorf("entry %s has status %d (%s %s), want %d", id, e.Status, e.ErrorCode, e.ErrorText, status)
	}
	return e
}

func (r *rig) wantAsset(id catalog.AssetID, status catalog.AssetStatus) catalog.Asset {
	r.Helper()
	a, err := r.Catalog.Asset(r.Context(), id)
	if err != nil {
		r.Fatal(err)
	}
	if a.Status != status {
		r.Errorf("asset %s (%s) has status %d (%s), want %d", id, a.Name, a.Status, a.ErrorText, status)
	}
	return a
}

// original is the entry's original.
func (r *rig) original(id catalog.EntryID) catalog.Asset {
	r.Helper()
	all := r.assets(id, func(a catalog.Asset) bool { return a.Original })
	if len(all) != 1 {
		r.Fatalf("%d originals", len(all))
	}
	return all[0]
}

func (r *rig) assets(id catalog.EntryID, is func(catalog.Asset) bool) []catalog.Asset {
	r.Helper()
	all, err := r.Catalog.Assets(r.Context(), id)
	if err != nil {
		r.Fatal(err)
	}
	return slices.DeleteFunc(all, func(a catalog.Asset) bool { return !is(a) })
}

func (r *rig) bytes(key string) []byte {
	r.Helper()
	o, err := r.store.Open(r.Context(), key)
	if err != nil {
		r.Fatal(err)
	}
	defer o.Close()
	b, err := io.ReadAll(io.NewSectionReader(o, 0, o.Object().Size))
	if err != nil {
		r.Fatal(err)
	}
	return b
}

// heights are the statuses of the entry's renditions of pictures by their height, the smallest first.
func (r *rig) heights(id catalog.EntryID) string {
	r.Helper()
	all := r.assets(id, func(a catalog.Asset) bool { return a.Kind == "video" && !a.Original })
	slices.SortFunc(all, func(a, b catalog.Asset) int { return a.Height - b.Height })
	var out []string
	for _, a := range all {
		out = append(out, fmt.Sprintf("%d:%d", a.Height, a.Status))
	}
	return strings.Join(out, " ")
}

// keysUnder are the objects of an entry.
func (r *rig) keysUnder(id catalog.EntryID) []string {
	r.Helper()
	var out []string
	for o, err := range r.store.List(r.Context(), fmt.Sprintf("%d/%s/", account, id)) {
		if err != nil {
			r.Fatal(err)
		}
		out = append(out, o.Key)
	}
	return out
}

func (r *rig) stages() map[catalog.Stage]do {
	e := r.env
	return map[catalog.Stage]do{
		catalog.StageFetch: r.Fetcher.Stage(e), catalog.StageImport: e.Import, catalog.StageClip: e.Clip, catalog.StageAdopt: e.Adopt,
		catalog.StageProbe: e.Probe, catalog.StagePlan: e.Plan, catalog.StageTranscode: e.Transcode, catalog.StageAssemble: e.Assemble,
		catalog.StageThumbs: e.Thumbs, catalog.StageCaptions: e.Captions, catalog.StageFinish: e.Finish, catalog.StageScan: e.Scan,
	}
}

// work does the entry's tasks until none is left that can be done.
func (r *rig) work(id catalog.EntryID) {
	r.Helper()
	r.workBut(id, "")
}

// workBut leaves those of a stage, and returns which could be done.
func (r *rig) workBut(id catalog.EntryID, held catalog.Stage) []catalog.Task {
	r.Helper()
	stages := r.stages()
	for {
		tasks, err := r.Catalog.Tasks(r.Context(), id)
		if err != nil {
			r.Fatal(err)
		}
		runnable := func(t catalog.Task) bool { return t.State == catalog.TaskRunnable }
		i := slices.IndexFunc(tasks, func(t catalog.Task) bool { return runnable(t) && t.Stage != held })
		if i < 0 {
			return slices.DeleteFunc(tasks, func(t catalog.Task) bool { return !runnable(t) })
		}
		r.task(stages[tasks[i].Stage], tasks[i].ID)
	}
}

type do func(context.Context, catalog.Task, stage.Progress) (stage.Outcome, error)

// task does one task; a failure is final.
func (r *rig) task(run do, id catalog.TaskID) {
	r.Helper()
	task, err := r.Catalog.Claim(r.Context(), id, "test", time.Minute)
	if err != nil {
		r.Fatal(err)
	}
	out, err := run(r.Context(), task, func(int64, int64, int64) {})
	if err == nil {
		err = r.Catalog.Complete(r.Context(), id, task.Attempt, out.Result, func(tx *catalog.Tx) error { return out.Commit(r.Context(), tx) })
		if err != nil {
			r.Fatal(err)
		}
		if out.After != nil {
			out.After(r.Context())
		}
		return
	}
	if out.Discard != nil {
		out.Discard(r.Context())
	}
	code, text := "internal", err.Error()
	var coded interface {
		ErrorCode() string
		UserText() string
	}
	if errors.As(err, &coded) {
		code, text = coded.ErrorCode(), coded.UserText()
	}
	r.Logf("task %s %q: %v", task.Stage, task.Name, err)
	if _, err := r.Catalog.Fail(r.Context(), id, task.Attempt, code, text, false, 0); err != nil {
		r.Fatal(err)
	}
}

// upload uploads a file whole and returns its token.
func (r *rig) upload(name string, b []byte) catalog.UploadTokenID {
	r.Helper()
	t, err := r.Uploads.Add(r.Context(), catalog.UploadToken{Account: account, FileName: name})
	if err != nil {
		r.Fatal(err)
	}
	r.send(t.ID, b)
	return t.ID
}

func (r *rig) send(id catalog.UploadTokenID, b []byte) catalog.UploadToken {
	r.Helper()
	t, err := r.Uploads.Upload(r.Context(), account, id, wholeFile(b))
	if err != nil {
		r.Fatal(err)
	}
	return t
}

func wholeFile(b []byte) upload.Chunk {
	return upload.Chunk{Final: true, Size: int64(len(b)), Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b)), nil }}
}

// clips are the films of the tests, by their arguments: made once.
var clips = map[string][]byte{}

// clip makes a film with ffmpeg.
func clip(t *testing.T, ext string, args ...string) []byte {
	t.Helper()
	key := ext + strings.Join(args, " ")
	if b := clips[key]; b != nil {
		return b
	}
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		t.Skip("needs ffmpeg to make its input")
	}
	path := filepath.Join(t.TempDir(), "clip"+ext)
	out, err := exec.Command("ffmpeg", append(append([]string{"-v", "error", "-y"}, args...), path)...).CombinedOutput()
	if err != nil {
		t.Fatalf("ffmpeg: %v\n%s", err, out)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	clips[key] = b
	return b
}

// film is five seconds whose picture shows which second it is by its brightness, with a tone.
func film(t *testing.T) []byte {
	t.Helper()
	return clip(t, ".mp4", "-f", "lavfi", "-i", "color=black:s=160x90:r=25:d=5,geq=lum='16+40*floor(T)':cb=128:cr=128",
		"-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000:d=5", "-c:v", "libx264", "-preset", "ultrafast", "-g", "50", "-c:a", "aac", "-shortest")
}

package ingest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"sluice/catalog"
	"sluice/storage"
)

const account = catalog.AccountID(101)

// house is a data directory with its catalog.
type house struct {
	dir string
	db  *catalog.DB
	*Ingester
}

func newHouse(t *testing.T) *house {
	t.Helper()
	h, err := openHouse(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.db.Close(); err != nil {
			t.Error(err)
		}
	})
	return h
}

func openHouse(ctx context.Context, dir string) (*house, error) {
	db, err := catalog.Open(ctx, "sqlite://"+filepath.Join(dir, "catalog.db"))
	if err != nil {
		return nil, err
	}
	if _, _, err := db.EnsureAccount(ctx, account, "test"); err != nil {
		return nil, err
	}
	return &house{dir: dir, db: db, Ingester: &Ingester{
		Catalog: db, Incoming: filepath.Join(dir, "incoming"), Arrival: arrival,
	}}, nil
}

// arrival makes tasks in the shape of the pipeline's.
func arrival(o Original) []catalog.NewTask {
	return []catalog.NewTask{
		{Stage: catalog.StageImport, Name: "import", Payload: o},
		{Stage: catalog.StageProbe, Name: "probe", After: []int{0}},
		{Stage: catalog.StagePlan, Name: "plan", After: []int{1}},
	}
}

// drop writes a file outside of the incoming folder, on its file system.
func (h *house) drop(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(h.dir, "door", name)
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func (h *house) entries(t *testing.T) []catalog.Entry {
	t.Helper()
	es, _, err := h.db.ListEntries(t.Context(), catalog.EntryFilter{Account: account, Limit: 500})
	if err != nil {
		t.Fatal(err)
	}
	return es
}

// original returns what the entry's import task was told, and the asset.
func (h *house) original(t *testing.T, id catalog.EntryID) (Original, catalog.Asset) {
	t.Helper()
	tasks, err := h.db.Tasks(t.Context(), id)
	if err != nil || len(tasks) != 3 || tasks[0].Stage != catalog.StageImport {
		t.Fatalf("tasks of %s: %+v, %v", id, tasks, err)
	}
	var o Original
	if err := json.Unmarshal(tasks[0].Payload, &o); err != nil {
		t.Fatal(err)
	}
	assets, err := h.db.Assets(t.Context(), id)
	if err != nil || len(assets) != 1 {
		t.Fatalf("assets of %s: %+v, %v", id, assets, err)
	}
	return o, assets[0]
}

// mustHold fails unless the entry's file waits for import with that content, and with nothing beside it.
func (h *house) mustHold(t *testing.T, id catalog.EntryID, content string) {
	t.Helper()
	o, _ := h.original(t, id)
	b, err := os.ReadFile(o.Path)
	if err != nil || string(b) != content {
		t.Errorf("the file of %s holds %q, %v; want %q", id, b, err, content)
	}
	names, err := filepath.Glob(filepath.Join(filepath.Dir(o.Path), "*"))
	if err != nil || len(names) != 1 {
		t.Errorf("beside the file of %s lie %q, %v", id, names, err)
	}
}

func (h *house) incoming(t *testing.T) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(h.Incoming, "*"))
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

func TestAFileBecomesAnEntryWithItsFirstTasks(t *testing.T) {
	for _, move := range []bool{true, false} {
		t.Run(fmt.Sprintf("move=%v", move), func(t *testing.T) {
			h := newHouse(t)
			path := h.drop(t, "Ein Film, é.MOV", "content")
			e, err := h.Ingest(t.Context(), Request{
				Account: account, Path: path, Move: move, Door: "command", ReferenceID: "ref", Description: "text", Tags: []string{"a", "b"},
				MediaType: catalog.MediaVideo,
			})
			if err != nil {
				t.Fatal(err)
			}
			if e.Name != "Ein Film, é.MOV" || e.ReferenceID != "ref" || e.Description != "text" || len(e.Tags) != 2 ||
				e.Status != catalog.EntryImport || e.MediaType != catalog.MediaVideo || e.SourceKey != "command:"+path {
				t.Errorf("entry %+v", e)
			}
			o, a := h.original(t, e.ID)
			if want := fmt.Sprintf("101/%s/1/%s/source.mov", e.ID, a.ID); o.Key != want {
				t.Errorf("key %q, want %q", o.Key, want)
			}
			if storage.ValidateKey(o.Key) != nil || o.Asset != a.ID || !a.Original || a.Type != catalog.AssetFlavor ||
				a.Status != catalog.AssetImporting || a.Size != 7 || !filepath.IsAbs(o.Path) {
				t.Errorf("original %+v, asset %+v", o, a)
			}
			h.mustHold(t, e.ID, "content")
			if exists(path) == move {
				t.Errorf("the source exists: %v", !move)
			}
		})
	}
}

func TestNames(t *testing.T) {
	for name, ok := range map[string]bool{
		"film.mp4": true, "-rf.mp4": true, "$(touch x).mp4": true, "a\\b.mp4": true, "a:b|c*?.mp4": true, "  x  .mp4": true, "mp4": true,
		"日本語.mp4": true, "👩‍👧.mp4": true, "\ufeffbom.mp4": true, "%2e%2e%2fx.mp4": true, strings.Repeat("n", 255): true, ".mp4": true,
		"": false, ".": false, "..": false, "a/b": false, "nul\x00": false, "tab\t.mp4": false, "line\n.mp4": false, "esc\x1b[31m": false,
		"del\x7f": false, "c1\u0085": false, "evil\u202e4pm.exe": false, "iso\u2066": false, "latin\xe9.mp4": false, "nonchar\uffff": false,
		strings.Repeat("n", 256): false, ".sluice-claim.json": false,
	} {
		if err := CheckName(name); (err == nil) != ok || err != nil && !errors.Is(err, ErrName) {
			t.Errorf("CheckName(%q) = %v, want ok %v", name, err, ok)
		}
	}
	for name, want := range map[string]string{"a.b.mov": "a.b", "film": "film", ".mp4": ".mp4", "x.": "x"} {
		if got := Slug(name); got != want {
			t.Errorf("Slug(%q) = %q, want %q", name, got, want)
		}
	}
	for name, want := range map[string]string{"A.MP4": ".mp4", "film": "", "x.m/p": "", "x.": "", "x.é": "", "x.toolongext": "", "x.7z": ".7z"} {
		if got := Extension(name); got != want {
			t.Errorf("Extension(%q) = %q, want %q", name, got, want)
		}
	}
}

func TestRefusedFilesStayAndLeaveNothing(t *testing.T) {
	h := newHouse(t)
	dir := filepath.Join(h.dir, "door")
	plain := h.drop(t, "plain.mp4", "x")
	if err := errors.Join(os.Symlink(plain, filepath.Join(dir, "link.mp4")), unix.Mkfifo(filepath.Join(dir, "fifo.mp4"), 0o600)); err != nil {
		t.Fatal(err)
	}
	written := h.drop(t, "written.mp4", "half")
	w, err := os.OpenFile(written, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	for name, c := range map[string]struct {
		req  Request
		want error
	}{
		"missing":         {Request{Path: filepath.Join(dir, "missing")}, fs.ErrNotExist},
		"folder":          {Request{Path: dir}, ErrNotRegular},
		"link":            {Request{Path: filepath.Join(dir, "link.mp4")}, ErrNotRegular},
		"pipe":            {Request{Path: filepath.Join(dir, "fifo.mp4")}, ErrNotRegular},
		"written":         {Request{Path: written}, storage.ErrChanged},
		"bad name":        {Request{Path: h.drop(t, "tab\t.mp4", "x")}, ErrName},
		"unknown account": {Request{Path: plain, Account: 999}, catalog.ErrNotFound},
		"bad text":        {Request{Path: plain, Description: "\xff"}, catalog.ErrInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			for _, move := range []bool{true, false} {
				req := c.req
				req.Move = move
				if req.Account == 0 {
					req.Account = account
				}
				before := exists(req.Path)
				if e, err := h.Ingest(t.Context(), req); !errors.Is(err, c.want) {
					t.Errorf("Ingest = %+v, %v; want %v", e, err, c.want)
				}
				if exists(req.Path) != before {
					t.Errorf("move %v: the source is gone", move)
				}
			}
		})
	}
	if got := h.incoming(t); len(got) != 0 {
		t.Errorf("incoming holds %q", got)
	}
	if got := h.entries(t); len(got) != 0 {
		t.Errorf("entries %+v", got)
	}
}

func TestADeliveryComesInOnce(t *testing.T) {
	h := newHouse(t)
	req := Request{Account: account, Path: h.drop(t, "a.mp4", "content"), Move: true, DedupKey: "key"}
	first, err := h.Ingest(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	h.drop(t, "a.mp4", "content")
	again, err := h.Ingest(t.Context(), req)
	if !errors.Is(err, catalog.ErrConflict) || again.ID != first.ID {
		t.Errorf("the second time: %+v, %v; want %s and ErrConflict", again, err, first.ID)
	}
	if exists(req.Path) {
		t.Error("the second file is left, though the entry has its bytes")
	}
	h.mustHold(t, first.ID, "content")
	if got := h.incoming(t); len(got) != 1 {
		t.Errorf("incoming holds %q", got)
	}
	// Other bytes under the same key are no repetition.
	h.drop(t, "a.mp4", "CONTENT")
	other, err := h.Ingest(t.Context(), req)
	if err != nil || other.ID == first.ID {
		t.Fatalf("other content: %+v, %v", other, err)
	}
	h.mustHold(t, other.ID, "CONTENT")
	h.mustHold(t, first.ID, "content")
	// Nor are the same bytes when the entry lost its own.
	if err := h.db.DeleteEntry(t.Context(), first.ID); err != nil {
		t.Fatal(err)
	}
	h.drop(t, "a.mp4", "content")
	anew, err := h.Ingest(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	h.mustHold(t, anew.ID, "content")
}

func TestStoredBytesAreComparedByTheirChecksum(t *testing.T) {
	h := newHouse(t)
	req := Request{Account: account, Path: h.drop(t, "a.mp4", "content"), Move: true, DedupKey: "key"}
	e, err := h.Ingest(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	o, a := h.original(t, e.ID)
	sum, err := sumFile(t.Context(), o.Path)
	if err != nil {
		t.Fatal(err)
	}
	err = h.db.UpdateAsset(t.Context(), a.ID, func(a *catalog.Asset) error {
		a.Status, a.SHA256, a.Key = catalog.AssetReady, sum, o.Key
		return nil
	})
	if err := errors.Join(err, os.RemoveAll(filepath.Dir(o.Path))); err != nil {
		t.Fatal(err)
	}
	h.drop(t, "a.mp4", "content")
	if again, err := h.Ingest(t.Context(), req); !errors.Is(err, catalog.ErrConflict) || again.ID != e.ID || exists(req.Path) {
		t.Errorf("the same bytes: %+v, %v", again, err)
	}
}

func TestManyTakeOneFileOnce(t *testing.T) {
	h := newHouse(t)
	path := h.drop(t, "a.mp4", "content")
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			_, err := h.Ingest(t.Context(), Request{Account: account, Path: path, Move: true, DedupKey: "key"})
			if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, catalog.ErrConflict) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	es := h.entries(t)
	if len(es) != 1 || len(h.incoming(t)) != 1 {
		t.Fatalf("%d entries, incoming holds %q", len(es), h.incoming(t))
	}
	h.mustHold(t, es[0].ID, "content")
}

func TestACopyCanBeCancelledAndShowsProgress(t *testing.T) {
	h := newHouse(t)
	content := strings.Repeat("0123456789abcdef", 1<<18)
	path := h.drop(t, "a.mp4", content)
	ctx, cancel := context.WithCancel(t.Context())
	calls := 0
	_, err := h.Ingest(ctx, Request{Account: account, Path: path, Progress: func(done, total int64) {
		calls++
		if total != int64(len(content)) || done <= 0 || done > total {
			t.Errorf("progress %d of %d", done, total)
		}
		cancel()
	}})
	cancel()
	if calls == 0 {
		t.Skip("this file system clones: nothing is copied")
	}
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Ingest = %v, want context.Canceled", err)
	}
	if got := h.incoming(t); len(got) != 0 || !exists(path) {
		t.Errorf("incoming holds %q, the source exists: %v", got, exists(path))
	}
}

func TestACopyThatIsFullIsToldAndLeavesNothing(t *testing.T) {
	h := newHouse(t)
	h.Incoming = filepath.Join(h.dir, "small")
	if err := os.Mkdir(h.Incoming, 0o750); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("tmpfs", h.Incoming, "tmpfs", 0, "size=1m"); err != nil {
		t.Skipf("no file system can be mounted here: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(h.Incoming, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	big := h.drop(t, "big.mp4", strings.Repeat("x", 2<<20))
	if _, err := h.Ingest(t.Context(), Request{Account: account, Path: big, Move: true}); !errors.Is(err, storage.ErrFull) {
		t.Errorf("Ingest = %v, want ErrFull", err)
	}
	if got := h.incoming(t); len(got) != 0 || !exists(big) {
		t.Errorf("incoming holds %q, the source exists: %v", got, exists(big))
	}
	// What fits crosses the file systems, and leaves its place.
	small := h.drop(t, "small.mp4", "small")
	e, err := h.Ingest(t.Context(), Request{Account: account, Path: small, Move: true})
	if err != nil {
		t.Fatal(err)
	}
	h.mustHold(t, e.ID, "small")
	if o, _ := h.original(t, e.ID); exists(small) || len(o.SHA256) != 64 {
		t.Errorf("the source exists: %v; original %+v", exists(small), o)
	}
}

func TestAFileWithTwoNamesIsNotShared(t *testing.T) {
	h := newHouse(t)
	path := h.drop(t, "a.mp4", "content")
	other := filepath.Join(h.dir, "other.mp4")
	if err := os.Link(path, other); err != nil {
		t.Fatal(err)
	}
	e, err := h.Ingest(t.Context(), Request{Account: account, Path: path, Move: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(other, []byte("CHANGED"), 0o600); err != nil {
		t.Fatal(err)
	}
	h.mustHold(t, e.ID, "content")
	if exists(path) {
		t.Error("the moved name is left")
	}
}

// TestAWriterWhoComesBackInBetweenGetsItsFileBack opens the file for writing right after it was moved.
func TestAWriterWhoComesBackInBetweenGetsItsFileBack(t *testing.T) {
	h := newHouse(t)
	path := h.drop(t, "a.mp4", "half")
	w, err := os.OpenFile(path, os.O_RDONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	h.step = func(point string) {
		if point != "renamed" {
			return
		}
		again, err := os.OpenFile(fmt.Sprintf("/proc/self/fd/%d", w.Fd()), os.O_WRONLY|os.O_APPEND, 0)
		if err == nil {
			t.Cleanup(func() { again.Close() })
			_, err = again.WriteString(" and the rest")
		}
		if err != nil {
			t.Error(err)
		}
	}
	if _, err := h.Ingest(t.Context(), Request{Account: account, Path: path, Move: true}); !errors.Is(err, storage.ErrChanged) {
		t.Errorf("Ingest = %v, want ErrChanged", err)
	}
	if b, err := os.ReadFile(path); string(b) != "half and the rest" {
		t.Errorf("the file holds %q, %v", b, err)
	}
	if got := h.incoming(t); len(got) != 0 {
		t.Errorf("incoming holds %q", got)
	}
}

package inbox

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
	"time"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"sluice/catalog"
	"sluice/ingest"
	"sluice/ingest/complete"
	"sluice/internal/corpus"
	"sluice/storage"
)

func TestWhatIsNoFileIsLeftAlone(t *testing.T) {
	h := newHouse(t)
	outside := filepath.Join(h.data, "outside")
	if err := errors.Join(os.Mkdir(outside, 0o755), os.WriteFile(filepath.Join(outside, "secret.mov"), []byte("secret"), 0o644),
		os.Symlink(filepath.Join(outside, "secret.mov"), h.path("link.mov")), os.Symlink("link2.mov", h.path("link2.mov")),
		os.Symlink(outside, h.path("folder")), unix.Mkfifo(h.path("fifo.mov"), 0o644)); err != nil {
		t.Fatal(err)
	}
	h.start(Config{Settle: time.Millisecond})
	h.drop("real.mov", "real")
	h.wantTaken(map[string]string{"101/real.mov": "real"})
	h.sweeps(3)
	for _, name := range []string{"link.mov", "link2.mov", "folder", "fifo.mov"} {
		if f := h.file(name); f.State != Ignored || f.Why == "" {
			t.Errorf("%s: %+v", name, f)
		}
	}
	if got := h.taken(); len(got) != 1 {
		t.Errorf("taken %q", got)
	}
}

func TestABadNameIsKeptWithItsReason(t *testing.T) {
	h := newHouse(t).start(Config{})
	for _, name := range []string{"tab\there.mov", "latin\xe9.mov", "evil\u202e4pm.exe"} {
		h.drop("sub/"+name, name)
	}
	h.until("the files to be refused", func() bool { return h.Status().Rejected == 3 })
	kept, err := filepath.Glob(h.path(".rejected/*/*"))
	if err != nil || len(kept) != 3 {
		t.Fatalf("kept %q, %v", kept, err)
	}
	for _, p := range kept {
		b, err := os.ReadFile(p)
		if err != nil || string(b) != filepath.Base(p) {
			t.Errorf("%q holds %q, %v", p, b, err)
		}
		why, err := os.ReadFile(filepath.Dir(p) + ".reason.txt")
		if err != nil || !strings.Contains(string(why), "bad file name") || strings.Contains(string(why), "\t") || !utf8.Valid(why) {
			t.Errorf("reason %q, %v", why, err)
		}
	}
	if got := h.taken(); len(got) != 0 || len(h.Status().Files) != 0 {
		t.Errorf("taken %q, status %+v", got, h.Status())
	}
}

// failing is an ingester that fails at first.
type failing struct {
	Ingester
	mu    sync.Mutex
	fails []error
	calls int
}

func (f *failing) Ingest(ctx context.Context, req ingest.Request) (catalog.Entry, error) {
	f.mu.Lock()
	f.calls++
	var err error
	if len(f.fails) > 0 {
		err, f.fails = f.fails[0], f.fails[1:]
	}
	f.mu.Unlock()
	if err != nil {
		return catalog.Entry{}, err
	}
	return f.Ingester.Ingest(ctx, req)
}

func TestWhatCannotComeInIsTriedAgain(t *testing.T) {
	h := newHouse(t)
	down := errors.New("the catalog is down")
	f := &failing{Ingester: h.in, fails: []error{down, down, storage.ErrFull, fs.ErrPermission, storage.ErrChanged, down}}
	h.start(Config{Ingester: f, fullPause: 50 * time.Millisecond})
	h.drop("film.mov", "content")
	h.wantTaken(map[string]string{"101/film.mov": "content"})
	if f.calls != 7 {
		t.Errorf("%d attempts, want 7", f.calls)
	}
}

func TestAFullDiskStopsTakingAndIsTold(t *testing.T) {
	h := newHouse(t)
	f := &failing{Ingester: h.in, fails: []error{fmt.Errorf("write: %w", storage.ErrFull)}}
	h.start(Config{Ingester: f, Workers: 1, firstRetry: time.Hour, fullPause: time.Hour})
	h.drop("a.mov", "a")
	h.until("the disk to be full", func() bool { return h.file("a.mov").State == Waiting })
	if why := h.file("a.mov").Why; !strings.Contains(why, "full") {
		t.Errorf("why: %q", why)
	}
	h.drop("b.mov", "b")
	h.sweeps(5)
	if f.calls != 1 || h.file("b.mov").State != Taking {
		t.Errorf("%d attempts, b is %+v", f.calls, h.file("b.mov"))
	}
}

func TestAnUnknownAccountIsTold(t *testing.T) {
	h := newHouse(t).start(Config{Account: 999})
	h.drop("a.mov", "a")
	h.until("the status to tell", func() bool {
		f := h.file("a.mov")
		return f.State == Waiting && strings.Contains(f.Why, "999")
	})
	if b, err := os.ReadFile(h.path("a.mov")); string(b) != "a" {
		t.Errorf("the file holds %q, %v", b, err)
	}
}

// TestHostileNames drops every name of the corpus: each comes in under the very name, or is refused and kept.
func TestHostileNames(t *testing.T) {
	dir, ok := corpus.Dir()
	if !ok {
		t.Skip("no media corpus here (shared/media above the working directory, or SLUICE_MEDIA)")
	}
	b, err := os.ReadFile(filepath.Join(dir, "hostile", "names.json"))
	if err != nil {
		t.Skipf("the corpus has no list of names: %v", err)
	}
	var names []struct {
		Hex      string `json:"bytes_hex"`
		Expected string `json:"expected"`
	}
	if err := json.Unmarshal(b, &names); err != nil {
		t.Fatal(err)
	}
	h := newHouse(t).start(Config{})
	dropped, hidden := map[string]string{}, 0
	for _, n := range names {
		var raw []byte
		if _, err := fmt.Sscanf(n.Hex, "%x", &raw); err != nil {
			t.Fatal(err)
		}
		name := string(raw)
		if strings.ContainsAny(name, "/\x00") || name == "." || name == ".." || len(name) > 255 || complete.Unfinished(name) {
			continue
		}
		h.drop(name, name)
		if complete.Hidden(name) {
			hidden++
			continue
		}
		dropped[name] = n.Expected
	}
	h.until("every file to come in or be refused", func() bool {
		s := h.Status()
		return len(s.Files) == 0 && int(s.Taken+s.Rejected) == len(dropped)
	})
	kept := map[string]bool{}
	files, err := filepath.Glob(h.Inbox.path(".rejected/*/*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		kept[filepath.Base(f)] = true
	}
	taken := h.taken()
	for name, expected := range dropped {
		content, in := taken["101/"+name]
		switch {
		case in && content != name, in == kept[name]:
			t.Errorf("%q: taken %v, kept %v", name, in, kept[name])
		case expected == "ok" && !in:
			t.Errorf("%q was refused", name)
		}
	}
	left, err := os.ReadDir(h.dir)
	if err != nil || len(left) != hidden+1 {
		t.Errorf("%d names are left, want %d hidden ones and .rejected: %v", len(left), hidden, err)
	}
	t.Logf("%d taken, %d refused and kept, %d hidden", len(taken), len(kept), hidden)
}

func TestBadConfigsAreRefused(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	in := &ingest.Ingester{}
	for name, cfg := range map[string]Config{
		"no ingester": {Dir: t.TempDir()}, "negative": {Dir: t.TempDir(), Ingester: in, Settle: -1}, "file": {Dir: file, Ingester: in},
	} {
		if b, err := New(cfg); err == nil {
			t.Errorf("%s: New = %+v", name, b)
		}
	}
}

package inbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"sluice/catalog"
	"sluice/ingest"
)

const account = catalog.AccountID(101)

func TestMain(m *testing.M) {
	if os.Getenv(childDir) != "" {
		child()
	}
	goleak.VerifyTestMain(m,
		// The pool of database/sql ends after Close.
		goleak.IgnoreAnyFunction("database/sql.(*DB).connectionOpener"))
}

// house is a data directory with a catalog and an inbox.
type house struct {
	t    *testing.T
	dir  string // the inbox
	data string
	db   *catalog.DB
	in   *ingest.Ingester
	*Inbox
	stop func()
}

func arrival(o ingest.Original) []catalog.NewTask {
	return []catalog.NewTask{{Stage: catalog.StageImport, Name: "import", Payload: o}}
}

// newHouse makes a data directory; start runs its inbox.
func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{t: t, data: t.TempDir()}
	h.dir = filepath.Join(h.data, "inbox")
	var err error
	if h.db, err = catalog.Open(t.Context(), "sqlite://"+filepath.Join(h.data, "catalog.db")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.db.Close(); err != nil {
			t.Error(err)
		}
	})
	if _, _, err := h.db.EnsureAccount(t.Context(), account, "test"); err != nil {
		t.Fatal(err)
	}
	h.in = &ingest.Ingester{Catalog: h.db, Incoming: filepath.Join(h.data, "incoming"), Arrival: arrival}
	if err := os.Mkdir(h.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return h
}

// start runs the inbox until the test ends or stop is called. Quick times are set unless cfg has others.
func (h *house) start(cfg Config) *house {
	h.t.Helper()
	cfg.Dir = h.dir
	if cfg.Ingester == nil {
		cfg.Ingester = h.in
	}
	if cfg.Account == 0 {
		cfg.Account = account
	}
	if cfg.Settle == 0 {
		cfg.Settle = 100 * time.Millisecond
	}
	if cfg.Sweep == 0 {
		cfg.Sweep = 50 * time.Millisecond
	}
	if cfg.firstRetry == 0 {
		cfg.firstRetry = 20 * time.Millisecond
	}
	b, err := New(cfg)
	if err != nil {
		h.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- b.Run(ctx) }()
	h.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			h.t.Errorf("Run: %v", err)
		}
	})
	h.t.Cleanup(h.stop)
	h.Inbox = b
	// Watching begins with the first sweep.
	h.until("the first sweep", func() bool { return b.Status().Sweeps > 0 })
	return h
}

// deaf makes the watcher hear nothing, until a sweep watches again.
func (h *house) deaf() {
	h.watch.Reset()
}

// until polls for what other goroutines do.
func (h *house) until(what string, ok func() bool) {
	h.t.Helper()
	for end := time.Now().Add(2 * time.Minute); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			s := h.Inbox.Status()
			s.Files = s.Files[:min(len(s.Files), 5)]
			h.t.Fatalf("waited too long for %s; status %+v", what, s)
		}
	}
}

// sweeps waits for n more sweeps to have begun and ended.
func (h *house) sweeps(n int64) {
	h.t.Helper()
	from := h.Status().Sweeps
	h.until("sweeps", func() bool { return h.Status().Sweeps >= from+n })
}

func (h *house) path(rel string) string { return filepath.Join(h.dir, rel) }

func (h *house) write(rel, content string) {
	h.t.Helper()
	p := h.path(rel)
	if err := errors.Join(os.MkdirAll(filepath.Dir(p), 0o755), os.WriteFile(p, []byte(content), 0o644)); err != nil {
		h.t.Fatal(err)
	}
}

// drop renames a file into place.
func (h *house) drop(rel, content string) {
	h.t.Helper()
	tmp := filepath.Join(h.data, "drop.tmp")
	p := h.path(rel)
	if err := errors.Join(os.MkdirAll(filepath.Dir(p), 0o755), os.WriteFile(tmp, []byte(content), 0o644), os.Rename(tmp, p)); err != nil {
		h.t.Fatal(err)
	}
}

// taken returns the contents of the files that came in, by "<account>/<name>".
func (h *house) taken() map[string]string {
	h.t.Helper()
	got := map[string]string{}
	for offset := 0; ; offset += 500 {
		es, _, err := h.db.ListEntries(context.Background(), catalog.EntryFilter{Limit: 500, Offset: offset})
		if err != nil {
			h.t.Fatal(err)
		}
		for _, e := range es {
			tasks, err := h.db.Tasks(context.Background(), e.ID)
			if err != nil || len(tasks) != 1 {
				h.t.Fatalf("tasks of %s: %+v, %v", e.ID, tasks, err)
			}
			var o ingest.Original
			if err := json.Unmarshal(tasks[0].Payload, &o); err != nil {
				h.t.Fatal(err)
			}
			b, err := os.ReadFile(o.Path)
			if err != nil {
				h.t.Fatal(err)
			}
			name := fmt.Sprintf("%d/%s", e.Account, e.Name)
			if _, twice := got[name]; twice {
				h.t.Errorf("%s came in twice", name)
			}
			got[name] = string(b)
		}
		if len(es) < 500 {
			return got
		}
	}
}

func (h *house) wantTaken(want map[string]string) {
	h.t.Helper()
	h.until("the files to come in", func() bool {
		_, n, err := h.db.ListEntries(context.Background(), catalog.EntryFilter{Limit: 1})
		return err == nil && n >= len(want)
	})
	if diff := cmp.Diff(want, h.taken()); diff != "" {
		h.t.Errorf("taken (-want +got):\n%s", diff)
	}
}

// file returns the status of one file.
func (h *house) file(rel string) FileStatus {
	for _, f := range h.Status().Files {
		if f.Path == rel {
			return f
		}
	}
	return FileStatus{}
}

func TestAFileThatIsRenamedInComesInAtOnce(t *testing.T) {
	h := newHouse(t)
	if err := os.MkdirAll(h.path("deep/er"), 0o755); err != nil {
		t.Fatal(err)
	}
	h.start(Config{Settle: time.Hour, Sweep: time.Hour})
	h.drop("film.mov", "content")
	h.write(".film2.mov.part", "content 2")
	if err := os.Rename(h.path(".film2.mov.part"), h.path("film2.mov")); err != nil {
		t.Fatal(err)
	}
	h.drop("deep/er/film3.mov", "content 3")
	h.wantTaken(map[string]string{"101/film.mov": "content", "101/film2.mov": "content 2", "101/film3.mov": "content 3"})
	h.until("the inbox to be empty", func() bool { return len(h.Status().Files) == 0 })
	if s := h.Status(); s.Taken != 3 || !s.Watching {
		t.Errorf("status %+v", s)
	}
	es, _, err := h.db.ListEntries(t.Context(), catalog.EntryFilter{Search: "film3"})
	if err != nil || len(es) != 1 || es[0].ReferenceID != "film3" || es[0].SourceKey != "inbox:"+h.path("deep/er/film3.mov") {
		t.Errorf("entry %+v, %v", es, err)
	}
}

func TestAFileThatWasClosedComesInSoon(t *testing.T) {
	h := newHouse(t).start(Config{Settle: time.Hour, Sweep: time.Hour})
	h.write("film.mov", "content")
	h.wantTaken(map[string]string{"101/film.mov": "content"})
}

func TestFilesThatAreThereAtTheStartComeIn(t *testing.T) {
	h := newHouse(t)
	h.write("a.mov", "a")
	h.write("sub/b.mov", "b")
	h.start(Config{})
	h.wantTaken(map[string]string{"101/a.mov": "a", "101/b.mov": "b"})
}

func TestAccountFoldersFileForTheirAccount(t *testing.T) {
	h := newHouse(t)
	h.start(Config{EnsureAccount: func(ctx context.Context, id catalog.AccountID) error {
		_, _, err := h.db.EnsureAccount(ctx, id, fmt.Sprintf("account %d", id))
		return err
	}})
	h.drop("202/a.mov", "a")
	h.drop("202/sub/b.mov", "b")
	h.drop("sub/202/c.mov", "c")
	h.drop("0202/d.mov", "d")
	h.drop("303", "a file, no folder")
	h.wantTaken(map[string]string{
		"202/a.mov": "a", "202/b.mov": "b", "101/c.mov": "c", "101/d.mov": "d", "101/303": "a file, no folder",
	})
}

func TestFilesThatDisappearAreForgotten(t *testing.T) {
	h := newHouse(t).start(Config{Settle: time.Hour})
	for i := range 50 {
		name := fmt.Sprintf("sub%d/f%d.mov", i%5, i)
		h.write(name, "x")
		if i%2 == 0 {
			if err := os.Remove(h.path(name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := os.RemoveAll(h.dir); err != nil {
		t.Fatal(err)
	}
	h.until("all to be forgotten", func() bool { return len(h.Status().Files) == 0 })
	// Even the directory is there again, and watched.
	h.sweeps(2)
	h.drop("again.mov", "again")
	h.wantTaken(map[string]string{"101/again.mov": "again"})
}

func TestAThousandFilesComeInOnce(t *testing.T) {
	h := newHouse(t).start(Config{Workers: 8, Settle: time.Second, Sweep: time.Second})
	want := map[string]string{}
	for i := range manyFiles {
		name := fmt.Sprintf("f%04d.mov", i)
		want["101/"+name] = name
		switch i % 3 {
		case 0:
			h.write(name, name)
		case 1:
			h.drop(fmt.Sprintf("sub%d/%s", i%7, name), name)
		default:
			h.drop(name, name)
		}
	}
	h.wantTaken(want)
	h.until("the inbox to be empty", func() bool { return len(h.Status().Files) == 0 })
}

func TestTwoInboxesOfOneFolderTakeEachFileOnce(t *testing.T) {
	h := newHouse(t).start(Config{})
	other := &house{t: t, dir: h.dir, data: h.data, db: h.db, in: h.in}
	other.start(Config{})
	want := map[string]string{}
	for i := range 60 {
		name := fmt.Sprintf("f%02d.mov", i)
		h.drop(name, name)
		want["101/"+name] = name
	}
	h.wantTaken(want)
	h.until("the inbox to be empty", func() bool { return len(h.Status().Files)+len(other.Status().Files) == 0 })
	if got := h.taken(); len(got) != 60 {
		t.Errorf("%d entries", len(got))
	}
}

func TestAccountsTakeTurns(t *testing.T) {
	var q fair
	for i := range 5 {
		q.push(&file{rel: fmt.Sprint("a", i), account: 1})
	}
	q.push(&file{rel: "b0", account: 2})
	q.push(&file{rel: "c0", account: 3})
	q.push(&file{rel: "b1", account: 2})
	var got []string
	for f := q.first(); f != nil; f = q.first() {
		got = append(got, f.rel)
		q.pop()
	}
	if want := []string{"a0", "b0", "c0", "a1", "b1", "a2", "a3", "a4"}; !slices.Equal(got, want) {
		t.Errorf("order %q, want %q", got, want)
	}
}

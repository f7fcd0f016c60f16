package ingest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"sluice/catalog"
)

// The points at which the crash tests kill.
var points = []string{"begun", "renamed", "copied", "placed", "claimed", "entered"}

const (
	crashDir   = "SLUICE_TEST_CRASH_DIR"
	crashPoint = "SLUICE_TEST_CRASH_POINT"
	crashMove  = "SLUICE_TEST_CRASH_MOVE"
)

func TestMain(m *testing.M) {
	if os.Getenv(crashDir) != "" {
		crash()
	}
	os.Exit(m.Run())
}

// crash takes a file in and kills its own process at the point.
func crash() {
	dir := os.Getenv(crashDir)
	h, err := openHouse(context.Background(), dir)
	if err != nil {
		panic(err)
	}
	h.step = func(point string) {
		if point == os.Getenv(crashPoint) {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
	}
	_, err = h.Ingest(context.Background(), Request{
		Account: account, Path: filepath.Join(dir, "door", "a.mp4"), Move: os.Getenv(crashMove) != "", DedupKey: "key",
	})
	fmt.Println(err)
	os.Exit(3)
}

func TestACrashAtAnyPointLosesNothingAndDoublesNothing(t *testing.T) {
	for _, how := range []string{"move", "copy", "copy and remove"} {
		for _, point := range points {
			if (how == "move") == (point == "copied" || point == "placed") && point != "begun" && point != "claimed" && point != "entered" {
				continue // the other way does not pass there
			}
			t.Run(how+"/"+point, func(t *testing.T) {
				h := newHouse(t)
				path := h.drop(t, "a.mp4", "content")
				move := ""
				if how != "copy" {
					move = "1"
				}
				if how == "copy and remove" {
					if err := os.Link(path, filepath.Join(h.dir, "second name")); err != nil {
						t.Fatal(err)
					}
				}
				cmd := exec.CommandContext(t.Context(), os.Args[0])
				cmd.Env = append(os.Environ(), crashDir+"="+h.dir, crashPoint+"="+point, crashMove+"="+move)
				out, err := cmd.CombinedOutput()
				var exit *exec.ExitError
				if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
					t.Fatalf("the child ended with %v: %s", err, out)
				}
				for range 2 {
					if _, err := h.Recover(t.Context()); err != nil {
						t.Fatalf("Recover: %v", err)
					}
					// The door finds the file again if it is still there.
					if exists(path) {
						_, err := h.Ingest(t.Context(), Request{Account: account, Path: path, Move: move != "", DedupKey: "key"})
						if err != nil && !errors.Is(err, catalog.ErrConflict) {
							t.Fatalf("Ingest: %v", err)
						}
					}
				}
				es := h.entries(t)
				if len(es) != 1 {
					t.Fatalf("%d entries, want 1", len(es))
				}
				h.mustHold(t, es[0].ID, "content")
				if got := h.incoming(t); len(got) != 1 {
					t.Errorf("incoming holds %q", got)
				}
				if exists(path) != (how == "copy") {
					t.Errorf("the source exists: %v", exists(path))
				}
			})
		}
	}
}

// TestRecoverLeavesLiveClaimsAlone runs it, as another process would, at every point of a claim.
func TestRecoverLeavesLiveClaimsAlone(t *testing.T) {
	for _, move := range []bool{true, false} {
		h := newHouse(t)
		other := &Ingester{Catalog: h.db, Incoming: h.Incoming, Arrival: arrival}
		seen := 0
		h.step = func(point string) {
			seen++
			if r, err := other.Recover(t.Context()); err != nil || r != (Recovered{}) {
				t.Errorf("at %q Recover = %+v, %v", point, r, err)
			}
		}
		e, err := h.Ingest(t.Context(), Request{Account: account, Path: h.drop(t, "a.mp4", "content"), Move: move})
		if err != nil {
			t.Fatal(err)
		}
		if seen < 4 {
			t.Errorf("only %d points were passed", seen)
		}
		if r, err := other.Recover(t.Context()); err != nil || r != (Recovered{}) {
			t.Errorf("afterwards Recover = %+v, %v", r, err)
		}
		h.mustHold(t, e.ID, "content")
	}
}

// failing is a catalog that fails at will.
type failing struct {
	Catalog
	commit, create, look bool // CreateEntry commits though it fails; it fails; EntryByID fails
}

var errDown = errors.New("the catalog is down")

func (f *failing) CreateEntry(ctx context.Context, n catalog.NewEntry, a []catalog.Asset, ts []catalog.NewTask) (
	catalog.Entry, []catalog.Asset, []catalog.Task, error,
) {
	if f.create && !f.commit {
		return catalog.Entry{}, nil, nil, errDown
	}
	e, as, tasks, err := f.Catalog.CreateEntry(ctx, n, a, ts)
	if f.create {
		return catalog.Entry{}, nil, nil, errDown
	}
	return e, as, tasks, err
}

func (f *failing) EntryByID(ctx context.Context, id catalog.EntryID) (catalog.Entry, error) {
	if f.look {
		return catalog.Entry{}, errDown
	}
	return f.Catalog.EntryByID(ctx, id)
}

func TestWhatTheCatalogDidCountsNotWhatWeHeard(t *testing.T) {
	for name, c := range map[string]struct {
		commit, look bool
		entered      bool // at once
		waits        bool // in incoming, for Recover
	}{
		"not made":              {false, false, false, false},
		"made, answer lost":     {true, false, true, false},
		"not made, nobody says": {false, true, false, true},
		"made, nobody says":     {true, true, false, true},
	} {
		for _, move := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s/move=%v", name, move), func(t *testing.T) {
				h := newHouse(t)
				down := &failing{Catalog: h.db, create: true, commit: c.commit, look: c.look}
				h.Catalog = down
				path := h.drop(t, "a.mp4", "content")
				e, err := h.Ingest(t.Context(), Request{Account: account, Path: path, Move: move, DedupKey: "key"})
				if (err == nil) != c.entered || err != nil && !errors.Is(err, errDown) {
					t.Errorf("Ingest = %+v, %v", e, err)
				}
				if held := len(h.incoming(t)) == 1; held != (c.entered || c.waits) {
					t.Errorf("incoming holds %q", h.incoming(t))
				}
				if !move && !exists(path) || move && exists(path) != !(c.entered || c.waits) {
					t.Errorf("the source exists: %v", exists(path))
				}
				*down = failing{Catalog: h.db}
				r, err := h.Recover(t.Context())
				if want := c.waits; (r.Entered == 1) != want || err != nil {
					t.Errorf("Recover = %+v, %v", r, err)
				}
				if n := len(h.entries(t)); (n == 1) != (c.entered || c.waits) {
					t.Errorf("%d entries", n)
				}
				for _, e := range h.entries(t) {
					h.mustHold(t, e.ID, "content")
				}
			})
		}
	}
}

func TestTheFolderGoesWhenTheImportWasFaster(t *testing.T) {
	h := newHouse(t)
	h.step = func(point string) {
		if point != "entered" {
			return
		}
		// What the import stage does.
		files, _ := filepath.Glob(filepath.Join(h.Incoming, "*", "a.mp4"))
		if len(files) != 1 {
			t.Fatalf("files %q", files)
		}
		if err := os.Remove(files[0]); err != nil {
			t.Error(err)
		}
		_ = os.Remove(filepath.Dir(files[0]))
	}
	if _, err := h.Ingest(t.Context(), Request{Account: account, Path: h.drop(t, "a.mp4", "x"), Move: true}); err != nil {
		t.Fatal(err)
	}
	if got := h.incoming(t); len(got) != 0 {
		t.Errorf("incoming holds %q", got)
	}
}

func TestRecoverSweepsOnlyWhatNobodyNeeds(t *testing.T) {
	h := newHouse(t)
	ingest := func(name string) (catalog.Entry, Original) {
		e, err := h.Ingest(t.Context(), Request{Account: account, Path: h.drop(t, name, name), Move: true})
		if err != nil {
			t.Fatal(err)
		}
		o, _ := h.original(t, e.ID)
		return e, o
	}
	_, waiting := ingest("waiting.mp4")
	_, emptied := ingest("emptied.mp4")
	deleted, gone := ingest("deleted.mp4")
	orphan := filepath.Join(h.Incoming, "0_orphan00", "film.mp4")
	torn := filepath.Join(h.Incoming, "0_torn0000", claimFile)
	tornWithFile := filepath.Join(h.Incoming, "0_torn0001", "film.mp4")
	foreign := filepath.Join(h.Incoming, "not an entry", "film.mp4")
	for _, f := range []string{orphan, torn, tornWithFile, foreign, filepath.Join(filepath.Dir(tornWithFile), claimFile)} {
		if err := errors.Join(os.MkdirAll(filepath.Dir(f), 0o750), os.WriteFile(f, []byte(`{"entry":`), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(os.Remove(emptied.Path), h.db.DeleteEntry(t.Context(), deleted.ID)); err != nil {
		t.Fatal(err)
	}
	r, err := h.Recover(t.Context())
	if want := (Recovered{Removed: 3, Orphans: 2}); r != want || err != nil {
		t.Errorf("Recover = %+v, %v; want %+v", r, err, want)
	}
	for path, want := range map[string]bool{
		waiting.Path: true, filepath.Dir(emptied.Path): false, filepath.Dir(gone.Path): false, orphan: true, filepath.Dir(torn): false,
		tornWithFile: true, foreign: true,
	} {
		if exists(path) != want {
			t.Errorf("%s exists: %v, want %v", path, !want, want)
		}
	}
	if n := len(h.entries(t)); n != 2 {
		t.Errorf("%d entries", n)
	}
	if err := h.Forget("0_orphan00"); err != nil || exists(orphan) {
		t.Errorf("Forget = %v, the orphan exists: %v", err, exists(orphan))
	}
	if err := h.Forget("../door"); err == nil {
		t.Error("Forget left the incoming folder")
	}
}

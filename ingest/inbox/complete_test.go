package inbox

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"sluice/ingest/complete"
)

func TestSweepsAloneFindEverything(t *testing.T) {
	h := newHouse(t).start(Config{noWatch: true, noLeases: true})
	h.write("a.mov", "a")
	h.write("sub/b.mov", "b")
	h.wantTaken(map[string]string{"101/a.mov": "a", "101/b.mov": "b"})
	if s := h.Status(); s.Watching || s.WatchError == "" {
		t.Errorf("status %+v", s)
	}
}

// TestAPausedWriterIsWaitedFor holds a half-written file open over many sweeps and long after the settling time.
func TestAPausedWriterIsWaitedFor(t *testing.T) {
	for name, cfg := range map[string]Config{
		"leases":      {Settle: time.Millisecond},
		"descriptors": {Settle: time.Millisecond, noLeases: true},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t).start(cfg)
			w, err := os.Create(h.path("film.mov"))
			if err != nil {
				t.Fatal(err)
			}
			defer w.Close()
			if _, err := w.WriteString("first half"); err != nil {
				t.Fatal(err)
			}
			h.sweeps(20)
			if f := h.file("film.mov"); f.State != Arriving || f.Why != "a program has it open for writing" || f.Size != 10 {
				t.Errorf("status %+v", f)
			}
			if got := h.taken(); len(got) != 0 {
				t.Fatalf("taken %q", got)
			}
			if _, err := w.WriteString(", second half"); err != nil {
				t.Fatal(err)
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			h.wantTaken(map[string]string{"101/film.mov": "first half, second half"})
		})
	}
}

// TestAWriterWhoMappedTheFileIsWaitedFor writes through memory after the descriptor is closed.
func TestAWriterWhoMappedTheFileIsWaitedFor(t *testing.T) {
	h := newHouse(t)
	h.write("film.mov", strings.Repeat("x", 4096))
	f, err := os.OpenFile(h.path("film.mov"), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	m, err := unix.Mmap(int(f.Fd()), 0, 4096, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	h.start(Config{Settle: time.Millisecond})
	h.sweeps(10)
	if got := h.taken(); len(got) != 0 {
		t.Errorf("taken while it is mapped")
	}
	m[0] = 'y'
	if err := unix.Munmap(m); err != nil {
		t.Fatal(err)
	}
	h.wantTaken(map[string]string{"101/film.mov": "y" + strings.Repeat("x", 4095)})
}

func TestAWriterWhoReopensMakesOneEntry(t *testing.T) {
	h := newHouse(t).start(Config{Settle: 1500 * time.Millisecond})
	want := ""
	for i := range 20 {
		f, err := os.OpenFile(h.path("film.mov"), os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o644)
		if err != nil {
			t.Fatal(err)
		}
		part := fmt.Sprintf("part %d, ", i)
		want += part
		if _, err := f.WriteString(part); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		h.sweeps(1)
	}
	h.wantTaken(map[string]string{"101/film.mov": want})
}

func TestUnfinishedNamesWaitForTheirRename(t *testing.T) {
	h := newHouse(t).start(Config{Settle: time.Millisecond})
	names := []string{"a.mov.part", "b.mov.FILEPART", "c.crdownload", "d.tmp", "e.mov~", "f.mov.aspera-ckpt", "g.uploading", "h.!ut"}
	for _, n := range names {
		h.write(n, n)
	}
	h.write(".hidden.mov", "hidden")
	h.write(".folder/film.mov", "hidden")
	h.sweeps(5)
	for _, n := range names {
		if f := h.file(n); f.State != Arriving {
			t.Errorf("%s: %+v", n, f)
		}
	}
	if got := h.taken(); len(got) != 0 {
		t.Errorf("taken %q", got)
	}
	if err := os.Rename(h.path("a.mov.part"), h.path("a.mov")); err != nil {
		t.Fatal(err)
	}
	h.wantTaken(map[string]string{"101/a.mov": "a.mov.part"})
}

func TestMarkersCompleteTheirFiles(t *testing.T) {
	h := newHouse(t).start(Config{Marker: ".done", Settle: time.Millisecond})
	h.drop("a.mov", "a")
	h.write("early.mov.done", "")
	h.sweeps(5)
	if got := h.taken(); len(got) != 0 || h.file("a.mov").State != Waiting {
		t.Fatalf("taken %q, status %+v", got, h.file("a.mov"))
	}
	h.write("a.mov.done", "")
	h.drop("early.mov", "early")
	h.wantTaken(map[string]string{"101/a.mov": "a", "101/early.mov": "early"})
	h.until("the markers to go", func() bool {
		names, err := filepath.Glob(h.path("*"))
		return err == nil && len(names) == 0
	})
}

// TestALostNotificationIsMadeGood sends word of lost events while sweeps are an hour apart.
func TestALostNotificationIsMadeGood(t *testing.T) {
	h := newHouse(t).start(Config{Sweep: time.Hour})
	h.deaf()
	h.drop("film.mov", "content")
	h.watch.Events <- complete.Event{Lost: true}
	h.wantTaken(map[string]string{"101/film.mov": "content"})
}

func TestACrowdedInboxIsSweptLessOften(t *testing.T) {
	h := newHouse(t)
	for i := range 4 {
		h.write(fmt.Sprintf("sub/%d.part", i), "x")
	}
	h.start(Config{Sweep: time.Millisecond, crowded: 3})
	h.until("the first sweep", func() bool { return len(h.Status().Files) == 4 })
	if got := h.untilSweep(); got != restSweep {
		t.Errorf("with 4 files the next sweep is in %v", got)
	}
	if err := os.Remove(h.path("sub/0.part")); err != nil {
		t.Fatal(err)
	}
	h.until("the file to be forgotten", func() bool { return len(h.Status().Files) == 3 })
	if got := h.untilSweep(); got != time.Millisecond {
		t.Errorf("with 3 files the next sweep is in %v", got)
	}
}

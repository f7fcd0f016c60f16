package dropfolder

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"sluice/catalog"
	"sluice/ingest/complete"
	"sluice/internal/writeprobe"
)

// watching starts a watcher to which rest alone never completes a file, and waits until the folder was looked at.
func (h *house) watching() {
	h.Helper()
	h.cfg.settle, h.cfg.Sweep = 6*time.Hour, time.Hour
	h.start()
	h.until("the first look", func() bool {
		f, err := h.db.DropFolderByID(h.Context(), h.folder.ID)
		return err == nil && f.LastAccess > 0
	})
}

func TestAFileRenamedIntoItsPlaceIsCompleteAtOnce(t *testing.T) {
	h := newHouse(t)
	h.watching()
	h.drop("film.mp4", "content")
	h.wait("film.mp4", purged)
}

func TestAFileThatWasWrittenAndClosedIsCompleteAfterAShortRest(t *testing.T) {
	h := newHouse(t, func(f *catalog.DropFolder) { f.DeletePolicy = catalog.DeleteManually })
	h.watching()
	w, err := os.Create(h.path("film.mp4"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.WriteString("con"); err != nil {
		t.Fatal(err)
	}
	h.wait("film.mp4", uploading) // it is known before its end is written
	if _, err := w.WriteString("tent"); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if r := h.wait("film.mp4", handled); r.Size != int64(len("content")) {
		t.Errorf("%d bytes", r.Size)
	}
}

func TestEmptyFilesAreRefusedTogether(t *testing.T) {
	h := newHouse(t)
	for _, name := range []string{"a.mp4", "b/c.mp4"} {
		h.write(name, "")
	}
	h.write("d.mp4", "content")
	h.start()
	h.wait("d.mp4", purged)
	for _, name := range []string{"a.mp4", "b/c.mp4"} {
		r := h.wait(name, errorHandling)
		if r.ErrorCode != string(CodeEmpty) || r.ErrorText == "" {
			t.Errorf("%s: %s %q", name, r.ErrorCode, r.ErrorText)
		}
		if _, err := os.Stat(filepath.Join(h.folder.Path, name)); err != nil {
			t.Error(err)
		}
	}
}

func TestStabilitySaysWhichEvidenceCounts(t *testing.T) {
	const soon, later = time.Second, 3 * time.Second // before and after a closed file has rested
	for _, c := range []struct {
		stability string
		seen      complete.Evidence
		after     time.Duration
		want      bool
	}{
		{"", complete.Moved, 0, true}, {"", complete.Closed, soon, false}, {"", complete.Closed, later, true}, {"", complete.None, later, false},
		{stableClose, complete.Moved, soon, false}, {stableClose, complete.Moved, later, true}, {stableClose, complete.Closed, later, true},
		{stableClose, complete.None, later, false},
		{stableRename, complete.Moved, 0, true}, {stableRename, complete.Closed, later, false}, {stableRename, complete.Closed, time.Hour, true},
		{stableSize, complete.Moved, later, false}, {stableMarker, complete.Moved, time.Hour, false},
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "film.mp4"), []byte("content"), 0o644); err != nil {
			t.Fatal(err)
		}
		l, err := openLocal(dir, false)
		if err != nil {
			t.Fatal(err)
		}
		r, err := l.openFile("film.mp4")
		if err != nil {
			t.Fatal(err)
		}
		if writeprobe.Probe(r) != writeprobe.Idle {
			t.Skip("this file system does not tell who writes a file")
		}
		st, err := r.Stat()
		if err != nil {
			t.Fatal(err)
		}
		now := time.Now()
		fo := &folder{Watcher: &Watcher{}, local: l, f: catalog.DropFolder{SizeInterval: 600, Options: catalog.DropFolderOptions{Stability: c.stability}}}
		a := &arriving{File: File{Path: "film.mp4"}}
		a.Update(complete.Identify(st), now)
		a.Seen = c.seen
		if v := newScan(fo).localVerdict(a, r, now.Add(c.after)); v.Whole != c.want {
			t.Errorf("stability %q, seen %d, %v later: %+v", c.stability, c.seen, c.after, v)
		}
		if err := errors.Join(r.Close(), l.Close()); err != nil {
			t.Error(err)
		}
	}
}

// TestNotificationsThatOverflowAreMadeGood keeps the watcher from reading more notifications than its queue takes, in a folder that is
// swept only when some are lost. Nothing is taken meanwhile: the files wait for their markers.
func TestNotificationsThatOverflowAreMadeGood(t *testing.T) {
	h := newHouse(t, func(f *catalog.DropFolder) { f.Options.Stability = stableMarker })
	const n = 300
	h.cfg.queue = 16
	held, goOn := make(chan struct{}), make(chan struct{})
	var once sync.Once
	h.cfg.step = func(point string) {
		if point == "seen" {
			once.Do(func() { close(held); <-goOn })
		}
	}
	h.watching()
	h.write("first.mp4", "content")
	<-held
	for i := range n {
		h.write(fmt.Sprintf("%05d.mp4", i), "content")
	}
	close(goOn)
	h.until("a row for each file", func() bool {
		h.write("last.mp4", "content") // the next notification tells that some were lost
		counts, err := h.db.CountDropFolderFiles(t.Context(), h.folder.ID)
		return err == nil && counts[h.folder.ID][uploading] == n+2
	})
}

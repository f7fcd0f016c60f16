package dropfolder

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"sluice/catalog"
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

package dropfolder

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"sluice/catalog"
)

func decode(t testing.TB, raw json.RawMessage, v any) {
	t.Helper()
	if err := json.Unmarshal(raw, v); err != nil {
		t.Fatal(err)
	}
}

func setSum(t *testing.T, h *house, id catalog.AssetID, content string) {
	t.Helper()
	err := h.db.UpdateAsset(t.Context(), id, func(a *catalog.Asset) error {
		a.SHA256 = fmt.Sprintf("%x", sha256.Sum256([]byte(content)))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestFilesBecomeEntriesOnce(t *testing.T) {
	h := newHouse(t)
	h.write("before.mp4", "was there")
	h.start()
	h.drop("renamed.mov", "renamed")
	h.write("written.mkv", "written")
	h.drop("sub/deep/er.ts", "deep")
	for _, rel := range []string{"before.mp4", "renamed.mov", "written.mkv", "sub/deep/er.ts"} {
		r := h.wait(rel, purged)
		e, err := h.db.Entry(t.Context(), account, r.Entry)
		if err != nil || e.ReferenceID != r.Slug || e.DedupKey != r.Key {
			t.Errorf("%s: entry %+v, %v", rel, e, err)
		}
		if _, err := os.Lstat(h.path(rel)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is still there: %v", rel, err)
		}
	}
	want := map[string][]string{"before": {"was there"}, "renamed": {"renamed"}, "written": {"written"}, "er": {"deep"}}
	if diff := cmp.Diff(want, h.entries()); diff != "" {
		t.Error(diff)
	}
}

func TestManyFilesAreAllTaken(t *testing.T) {
	h := newHouse(t)
	const n = 300
	for i := range n {
		h.write(fmt.Sprintf("%d/%03d.mp4", i%7, i), fmt.Sprint("content of ", i))
	}
	h.start()
	h.until("all entries", func() bool { return len(h.entries()) == n })
	for name, contents := range h.entries() {
		var i int
		if _, err := fmt.Sscanf(name, "%d", &i); err != nil || len(contents) != 1 || contents[0] != fmt.Sprint("content of ", i) {
			t.Errorf("%s: %q", name, contents)
		}
	}
}

func TestAFileStaysUntilItsPolicyRemovesIt(t *testing.T) {
	for name, c := range map[string]struct {
		policy catalog.FileDeletePolicy
		days   int
		regex  string
		first  catalog.DropFolderFileStatus
	}{
		"manual":     {catalog.DeleteManually, 0, "", handled},
		"days":       {catalog.DeleteAfterImport, 2, "", handled},
		"when ready": {catalog.DeleteWhenReady, 0, "", processing},
		"kept names": {catalog.DeleteAfterImport, 0, "/other/", handled},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t, func(f *catalog.DropFolder) { f.DeletePolicy, f.DeleteDays, f.DeleteRegex = c.policy, c.days, c.regex })
			h.drop("film.mp4", "film")
			h.start()
			h.until("the entry", func() bool { return h.row("film.mp4").ImportEnd != 0 })
			r := h.row("film.mp4")
			if b, err := os.ReadFile(h.path("film.mp4")); string(b) != "film" || r.Status != c.first {
				t.Fatalf("status %d, file %q, %v", r.Status, b, err)
			}
			if c.policy == catalog.DeleteWhenReady {
				err := h.db.UpdateEntry(t.Context(), r.Entry, func(e *catalog.Entry) error { e.Status = catalog.EntryReady; return nil })
				if err != nil {
					t.Fatal(err)
				}
				h.wait("film.mp4", purged)
				if _, err := os.Lstat(h.path("film.mp4")); !errors.Is(err, os.ErrNotExist) {
					t.Errorf("the file is still there: %v", err)
				}
			}
			if got := h.entries(); len(got) != 1 || len(got["film"]) != 1 {
				t.Errorf("entries %v", got)
			}
		})
	}
}

func TestAFailedEntryKeepsItsFile(t *testing.T) {
	h := newHouse(t, func(f *catalog.DropFolder) { f.DeletePolicy = catalog.DeleteWhenReady })
	h.drop("film.mp4", "film")
	h.start()
	h.until("the entry", func() bool { return h.row("film.mp4").ImportEnd != 0 })
	err := h.db.UpdateEntry(t.Context(), h.row("film.mp4").Entry, func(e *catalog.Entry) error {
		e.Status, e.ErrorText = catalog.EntryErrorConverting, "No decoder."
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	r := h.wait("film.mp4", errorHandling)
	if _, err := os.Lstat(h.path("film.mp4")); err != nil || r.ErrorCode != string(CodeInContent) || !strings.Contains(r.ErrorText, "No decoder.") {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestWhatCanNeverComeInIsTold(t *testing.T) {
	h := newHouse(t, func(f *catalog.DropFolder) {
		f.Patterns, f.Ignore, f.Options.MaxFileSize = "*.MP4, *.ts", "skip*", 100
	})
	outside := filepath.Join(h.dir, "outside.mp4")
	if err := os.WriteFile(outside, []byte("secret"), 0o644); err != nil {
		t.Fatal(err)
	}
	h.write("twice.mp4", "linked")
	for _, err := range []error{
		os.Symlink(outside, h.path("link.mp4")), unix.Mkfifo(h.path("fifo.mp4"), 0o644), os.Link(h.path("twice.mp4"), h.path("again.mp4")),
		os.Symlink(h.dir, h.path("dir.mp4")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	h.write("large.mp4", strings.Repeat("x", 101))
	h.write("empty.mp4", "")
	h.write("notes.txt", "text")
	h.write("skip this.mp4", "skipped")
	h.write(".hidden.mp4", "hidden")
	h.write("half.mp4.part", "half")
	h.write("bad\xffname.mp4", "latin")
	h.write("new\nline.mp4", "line")
	h.write("rtl\u202e.mp4", "bidi")
	h.write("noslug", "no extension, and not wanted")
	h.write("good.mp4", "good")
	h.start()
	h.wait("good.mp4", purged)
	want := map[string]Code{
		"link.mp4": CodeSymlink, "dir.mp4": CodeSymlink, "fifo.mp4": CodeNotRegular, "twice.mp4": CodeNotRegular, "again.mp4": CodeNotRegular,
		"large.mp4": CodeTooLarge, "empty.mp4": CodeEmpty, "notes.txt": CodeTypeRefused, "noslug": CodeTypeRefused,
		"bad\uFFFDname.mp4 (hexadecimal 626164ff6e616d652e6d7034)": CodeNotUTF8, `new\nline.mp4`: CodeName, `rtl\u202e.mp4`: CodeName,
	}
	h.until("all rows", func() bool {
		got := map[string]Code{}
		for _, r := range h.rows() {
			if r.Status == errorHandling || r.Status == ignored {
				got[r.Path] = Code(r.ErrorCode)
				if r.ErrorText == "" {
					t.Errorf("%s: no sentence", r.Path)
				}
			}
		}
		return cmp.Diff(want, got) == ""
	})
	if diff := cmp.Diff(map[string][]string{"good": {"good"}}, h.entries()); diff != "" {
		t.Error(diff)
	}
	if b, err := os.ReadFile(outside); string(b) != "secret" || err != nil {
		t.Errorf("what is outside: %q, %v", b, err)
	}
}

func TestNamesThatFileSystemsHoldComeIn(t *testing.T) {
	h := newHouse(t)
	names := []string{"\u00e9", "e\u0301", "日本語 🎬", `a\b"c:d'e?f>g<h&i*j|k`, strings.Repeat("n", 251), "A", "a"}
	for _, n := range names {
		h.drop(n+".mp4", n)
	}
	h.start()
	h.until("all entries", func() bool { return len(h.entries()) == len(names) })
	for _, n := range names {
		if got := h.entries()[n]; len(got) != 1 || got[0] != n {
			t.Errorf("%q: %q", n, got)
		}
	}
	for _, n := range []string{"\u00e9", "e\u0301", "A", "a"} {
		if r := h.row(n + ".mp4"); r.Warning == "" {
			t.Errorf("%q has no warning", n)
		}
	}
	if r := h.row("日本語 🎬.mp4"); r.Warning != "" {
		t.Errorf("warning %q", r.Warning)
	}
}

func TestAPausedWriterIsWaitedFor(t *testing.T) {
	for _, noLeases := range []bool{false, true} {
		t.Run(fmt.Sprint("without leases ", noLeases), func(t *testing.T) {
			h := newHouse(t)
			h.cfg.noLeases = noLeases
			f, err := os.Create(h.path("film.mov"))
			if err == nil {
				_, err = f.WriteString("first half, ")
			}
			if err != nil {
				t.Fatal(err)
			}
			h.start()
			h.wait("film.mov", uploading)
			h.drop("other.mov", "other")
			h.wait("other.mov", purged) // many looks later
			if r := h.row("film.mov"); r.Status != uploading {
				t.Fatalf("status %d while it is written", r.Status)
			}
			if _, err := f.WriteString("second half"); err != nil {
				t.Fatal(err)
			}
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}
			h.wait("film.mov", purged)
			if got := h.entries()["film"]; len(got) != 1 || got[0] != "first half, second half" {
				t.Errorf("got %q", got)
			}
		})
	}
}

// TestAWriterWhoReopensMakesOneEntry looks at the folder after each of twenty closes, none of which it is told of.
func TestAWriterWhoReopensMakesOneEntry(t *testing.T) {
	h := newHouse(t)
	soon := h.cfg.settle
	h.cfg.noWatch, h.cfg.settle = true, time.Hour
	h.start()
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
		h.until("the size to be known", func() bool { r := h.row("film.mov"); return r.Size == int64(len(want)) && r.Status == uploading })
	}
	h.stop()
	h.cfg.settle = soon
	h.start()
	h.wait("film.mov", purged)
	if got := h.entries()["film"]; len(got) != 1 || got[0] != want {
		t.Errorf("got %q", got)
	}
}

func TestTheSameFileAgainIsNoNewEntry(t *testing.T) {
	for policy, want := range map[string]int{"": 1, duplicateNewVersion: 2, duplicateAlways: 2} {
		t.Run("policy "+policy, func(t *testing.T) {
			h := newHouse(t, func(f *catalog.DropFolder) { f.Options.DuplicatePolicy = policy })
			h.start()
			h.drop("film.mp4", "film")
			first := h.wait("film.mp4", purged)
			// The import stage, which is not here, would record the checksum.
			assets, err := h.db.Assets(t.Context(), first.Entry)
			if err != nil {
				t.Fatal(err)
			}
			setSum(t, h, assets[0].ID, "film")
			h.drop("film.mp4", "film")
			h.until("the second delivery", func() bool { r := h.row("film.mp4"); return r.ID != first.ID && r.Status == purged })
			second := h.row("film.mp4")
			h.drop("film.mp4", "other")
			h.until("another film", func() bool { r := h.row("film.mp4"); return r.ID != second.ID && r.Status == purged })
			if got := len(h.entries()["film"]); got != want+1 {
				t.Errorf("%d entries, want %d", got, want+1)
			}
			if same := second.Entry == first.Entry; same != (want == 1) {
				t.Errorf("second delivery: entry %s, first %s", second.Entry, first.Entry)
			}
		})
	}
}

func TestProgramsAreRefusedByTheirFirstBytes(t *testing.T) {
	h := newHouse(t)
	h.drop("film.mp4", "MZ\x90 a program by another name")
	h.drop("page.mp4", "<!DOCTYPE html><html><script>alert(1)</script></html>")
	h.drop("good.mp4", "film")
	h.start()
	h.wait("good.mp4", purged)
	for _, rel := range []string{"film.mp4", "page.mp4"} {
		if r := h.wait(rel, errorHandling); Code(r.ErrorCode) != CodeTypeRefused || r.ErrorText == "" || r.Entry != "" {
			t.Errorf("%s: %s %q, entry %q", rel, r.ErrorCode, r.ErrorText, r.Entry)
		}
		h.until(rel+" to be back in its folder", func() bool { _, err := os.Lstat(h.path(rel)); return err == nil })
	}
	if n := len(h.entries()); n != 1 {
		t.Errorf("%d entries", n)
	}
}

// TestAnEmptyFileThatIsTriedAgainIsTaken: who tries again an empty file has it as an entry, which says what is wrong.
func TestAnEmptyFileThatIsTriedAgainIsTaken(t *testing.T) {
	h := newHouse(t)
	h.drop("film.mp4", "")
	h.start()
	r := h.wait("film.mp4", errorHandling)
	if _, err := Retry(t.Context(), h.db, account, r.ID); err != nil {
		t.Fatal(err)
	}
	if r := h.wait("film.mp4", purged); r.Entry == "" {
		t.Error("it has no entry")
	}
}

func TestEntriesHaveTheirFoldersPriority(t *testing.T) {
	h := newHouse(t, func(f *catalog.DropFolder) { f.Options.Priority = -3 })
	h.drop("news.mp4", "news")
	h.start()
	tasks, err := h.db.Tasks(t.Context(), h.wait("news.mp4", purged).Entry)
	if err != nil || len(tasks) == 0 {
		t.Fatalf("%d tasks, %v", len(tasks), err)
	}
	for _, task := range tasks {
		if task.Priority >= 0 {
			t.Errorf("%s has the priority %d", task.Stage, task.Priority)
		}
	}
}

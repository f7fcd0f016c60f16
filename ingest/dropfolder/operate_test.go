package dropfolder

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"sluice/catalog"
)

func TestOperatorsDecideAboutFiles(t *testing.T) {
	h := newHouse(t, match(catalog.MatchOrKeep, ""))
	for _, name := range []string{"delete.mp4", "ignore.mp4", "retry.mp4"} {
		h.drop(name, name)
	}
	h.start()
	ids := map[string]catalog.DropFolderFileID{}
	for _, name := range []string{"delete.mp4", "ignore.mp4", "retry.mp4"} {
		ids[name] = h.wait(name, noMatch).ID
	}
	ctx := t.Context()
	if _, err := Delete(ctx, h.db, account, ids["delete.mp4"]); err != nil {
		t.Error(err)
	}
	if _, err := Ignore(ctx, h.db, account, ids["ignore.mp4"]); err != nil {
		t.Error(err)
	}
	h.entry("retry", catalog.EntryNoContent)
	if _, err := Retry(ctx, h.db, account, ids["retry.mp4"]); err != nil {
		t.Error(err)
	}
	h.wait("delete.mp4", purged)
	h.wait("retry.mp4", purged)
	if _, err := os.Lstat(h.path("delete.mp4")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the deleted file: %v", err)
	}
	if _, err := os.Lstat(h.path("ignore.mp4")); err != nil || h.row("ignore.mp4").Status != ignored {
		t.Errorf("the ignored file: %v", err)
	}
	for what, err := range map[string]error{
		"retry of history": second(Retry(ctx, h.db, account, ids["delete.mp4"])), "delete of history": second(Delete(ctx, h.db, account, ids["retry.mp4"])),
		"a jump": second(Change(ctx, h.db, account, ids["ignore.mp4"], handled)),
	} {
		if !errors.Is(err, ErrState) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := Retry(ctx, h.db, account+1, ids["ignore.mp4"]); !errors.Is(err, catalog.ErrNotFound) {
		t.Errorf("another account: %v", err)
	}
	if f, err := Change(ctx, h.db, account, ids["ignore.mp4"], deleted); err != nil || f.Status != deleted {
		t.Errorf("%+v, %v", f, err)
	}
	h.wait("ignore.mp4", purged)
}

func second(_ catalog.DropFolderFile, err error) error { return err }

func TestAFileThatGoesAwayIsHistory(t *testing.T) {
	h := newHouse(t, match(catalog.MatchOrKeep, ""))
	h.start()
	h.drop("film.mp4", "film")
	h.wait("film.mp4", noMatch)
	if err := os.Remove(h.path("film.mp4")); err != nil {
		t.Fatal(err)
	}
	first := h.wait("film.mp4", purged)
	h.drop("film.mp4", "again")
	h.until("a row of its own", func() bool { r := h.row("film.mp4"); return r.ID != first.ID && r.Status == noMatch })
	second := h.row("film.mp4")
	h.drop("film.mp4", "replaced")
	h.until("a third row", func() bool { r := h.row("film.mp4"); return r.ID != second.ID && r.Status == noMatch })
}

func TestTransfersAreAnnounced(t *testing.T) {
	h := newHouse(t)
	a, ctx := Announcer{Catalog: h.db}, t.Context()
	steps := []error{
		a.Detected(ctx, h.folder.ID, "in/film.mp4", "sftp"), a.Detected(ctx, h.folder.ID, "in/film.mp4", "sftp"),
		a.Detected(ctx, h.folder.ID, "given up.mp4", "ftp"),
	}
	if err := errors.Join(steps...); err != nil {
		t.Fatal(err)
	}
	if r := h.row("in/film.mp4"); r.Status != detected || r.DetectedBy != "sftp" || len(h.rows()) != 2 {
		t.Fatalf("%+v", r)
	}
	if err := a.Aborted(ctx, h.folder.ID, "given up.mp4"); err != nil || h.row("given up.mp4").Status != purged {
		t.Errorf("%v, %+v", err, h.row("given up.mp4"))
	}
	h.drop("in/film.mp4", "film")
	if err := errors.Join(a.Uploaded(ctx, h.folder.ID, "in/film.mp4", 4, "sftp"), a.Uploaded(ctx, h.folder.ID, "in/film.mp4", 4, "sftp")); err != nil {
		t.Fatal(err)
	}
	r := h.row("in/film.mp4")
	if r.Status != pending || r.Size != 4 || r.UploadEnd == 0 || len(h.rows()) != 2 {
		t.Fatalf("%+v", r)
	}
	if err := a.Uploaded(ctx, h.folder.ID, "in/film.mp4", 5, "sftp"); err == nil {
		t.Error("another size was taken")
	}
	for _, bad := range []string{"../film.mp4", "/film.mp4", "a//b.mp4", "", ".", "in/../film.mp4", "a\x00b"} {
		if err := a.Uploaded(ctx, h.folder.ID, bad, 1, "sftp"); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
	if err := a.Uploaded(ctx, h.folder.ID, "vanished.mp4", 4, "sftp"); err != nil {
		t.Error(err)
	}
	h.start()
	if r := h.wait("in/film.mp4", purged); r.Entry == "" || r.DetectedBy != "sftp" {
		t.Errorf("%+v", r)
	}
	h.drop("other.mp4", "other")
	if err := a.Renamed(ctx, h.folder.ID, "other.mp4.part", "other.mp4", 5, "ftp"); err != nil {
		t.Fatal(err)
	}
	h.wait("other.mp4", purged)
	if got := h.entries(); len(got) != 2 || len(got["film"]) != 1 || len(got["other"]) != 1 {
		t.Errorf("entries %v", got)
	}
}

func TestTransfersAreAnnouncedTogether(t *testing.T) {
	h := newHouse(t)
	a, ctx := Announcer{Catalog: h.db}, t.Context()
	var all []Arrival
	for _, name := range []string{"a.mp4", "in/b.mp4", "known.mp4", "odd.part"} {
		h.drop(name, name)
		all = append(all, Arrival{name, int64(len(name))})
	}
	if err := a.Detected(ctx, h.folder.ID, "known.mp4", "hsu"); err != nil {
		t.Fatal(err)
	}
	all = append(all, all[0], Arrival{"vanished.mp4", 4})
	for range 2 { // what was said is said again after a crash
		if err := a.UploadedAll(ctx, h.folder.ID, "hsu", all); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"a.mp4", "in/b.mp4", "known.mp4"} {
			if r := h.row(name); r.Status != pending || r.Size != int64(len(name)) || r.UploadEnd == 0 || r.DetectedBy != "hsu" {
				t.Errorf("%s: %+v", name, r)
			}
		}
		if n := len(h.rows()); n != 3 {
			t.Errorf("%d rows", n)
		}
	}
	h.drop("new.mp4", "new")
	bad := []Arrival{{"new.mp4", 3}, {"a.mp4", 99}}
	if err := a.UploadedAll(ctx, h.folder.ID, "hsu", bad); err == nil || h.row("new.mp4").Status != pending {
		t.Errorf("%v: one that is wrong keeps the others from being told", err)
	}
	h.start()
	for _, name := range []string{"a.mp4", "in/b.mp4", "known.mp4", "new.mp4"} {
		if r := h.wait(name, purged); r.Entry == "" {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

// TestTwoWatchersShareAFolder lets two processes' watchers have one folder; one of them stops in the middle.
func TestTwoWatchersShareAFolder(t *testing.T) {
	h := newHouse(t)
	h.cfg.lease = time.Second
	h.start()
	firstStop := h.stop
	h.cfg.owner = "second"
	h.start()
	const n = 40
	for i := range n {
		h.drop(string(rune('a'+i%26))+string(rune('a'+i/26))+".mp4", "x")
		if i == n/2 {
			firstStop()
		}
	}
	h.until("all entries", func() bool { return len(h.entries()) == n })
	for name, contents := range h.entries() {
		if len(contents) != 1 {
			t.Errorf("%s came %d times", name, len(contents))
		}
	}
}

// TestAWatcherThatLostItsLeaseChangesNothing takes the lease away while files are being taken.
func TestAWatcherThatLostItsLeaseChangesNothing(t *testing.T) {
	h := newHouse(t)
	stolen := make(chan struct{})
	h.cfg.step = func(point string) {
		if point != "taken" {
			return
		}
		select {
		case <-stolen:
			return
		default:
		}
		// Another watcher, after the lease ran out as far as the catalog can tell.
		lease := LeaseName(h.folder.ID)
		ctx := context.Background()
		token, ok, err := h.db.AcquireLease(ctx, lease, h.cfg.owner, time.Hour)
		if err == nil && ok {
			err = h.db.ReleaseLease(ctx, lease, h.cfg.owner, token)
		}
		if err == nil {
			_, ok, err = h.db.AcquireLease(ctx, lease, "another", time.Second)
		}
		if err != nil || !ok {
			t.Errorf("the lease could not be taken: %v", err)
		}
		close(stolen)
	}
	h.cfg.owner, h.cfg.lease = "first", time.Second
	h.drop("film.mp4", "film")
	h.start()
	<-stolen
	h.wait("film.mp4", purged)
	if got := h.entries(); len(got) != 1 || len(got["film"]) != 1 || got["film"][0] != "film" {
		t.Errorf("entries %v", got)
	}
}

func TestChangedSettingsCount(t *testing.T) {
	h := newHouse(t, func(f *catalog.DropFolder) { f.Status = catalog.DropFolderDisabled })
	h.drop("film.mp4", "film")
	h.start()
	set := func(fn func(f *catalog.DropFolder)) {
		t.Helper()
		if _, err := h.db.UpdateDropFolder(t.Context(), account, h.folder.ID, func(f *catalog.DropFolder) error { fn(f); return nil }); err != nil {
			t.Fatal(err)
		}
	}
	set(func(f *catalog.DropFolder) {
		f.Status, f.Options.Match = catalog.DropFolderEnabled, catalog.MatchUndefined
	})
	h.until("the folder's error", func() bool {
		f, err := h.db.DropFolderByID(t.Context(), h.folder.ID)
		return err == nil && f.ErrorCode == int(ErrMatchPolicy) && f.Status == catalog.DropFolderError
	})
	if n := len(h.entries()); n != 0 {
		t.Errorf("%d entries", n)
	}
	set(func(f *catalog.DropFolder) { f.Options.Match = catalog.AddAsNew })
	h.wait("film.mp4", purged)
	h.until("the folder to be well", func() bool {
		f, err := h.db.DropFolderByID(t.Context(), h.folder.ID)
		return err == nil && f.ErrorCode == 0 && f.Status == catalog.DropFolderEnabled
	})
}

func TestMarkersCompleteFiles(t *testing.T) {
	h := newHouse(t, func(f *catalog.DropFolder) { f.Options.Stability, f.Options.MarkerSuffix = stableMarker, ".ok" })
	h.drop("film.mp4", "film")
	h.drop("done.mp4", "done")
	h.drop("done.mp4.ok", "")
	h.start()
	h.wait("done.mp4", purged)
	if r := h.row("film.mp4"); r.Status != uploading {
		t.Errorf("status %d without a marker", r.Status)
	}
	h.drop("film.mp4.ok", "")
	h.wait("film.mp4", purged)
	h.until("the markers to go", func() bool {
		left, err := filepath.Glob(h.path("*"))
		return err == nil && len(left) == 0
	})
	if n := len(h.entries()); n != 2 {
		t.Errorf("%d entries", n)
	}
}

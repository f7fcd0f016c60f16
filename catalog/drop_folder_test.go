package catalog_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/catalog"
)

func newDropFolder(t testing.TB, db *catalog.DB, path string) catalog.DropFolder {
	t.Helper()
	newAccount(t, db, 1)
	f, err := db.AddDropFolder(t.Context(), 1, catalog.DropFolder{
		Name: "f", Type: catalog.DropFolderLocal, Status: catalog.DropFolderEnabled, Path: path, Handler: catalog.HandleContent,
		DeletePolicy: catalog.DeleteAfterImport,
	})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func dropFile(folder catalog.DropFolder, name string) catalog.DropFolderFile {
	return catalog.DropFolderFile{
		Record: catalog.Record{Account: folder.Account}, Folder: folder.ID, Path: name, PathKey: catalog.PathKey(name),
		FoldKey: catalog.PathKey(strings.ToLower(name)), Status: catalog.FileUploading, Size: 5,
	}
}

func addDropFiles(t testing.TB, db *catalog.DB, fence catalog.Fence, files ...catalog.DropFolderFile) (rows []catalog.DropFolderFile, added []bool) {
	t.Helper()
	err := db.InTx(t.Context(), func(tx *catalog.Tx) (err error) {
		rows, added, err = tx.AddDropFolderFiles(t.Context(), fence, files)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return rows, added
}

func TestLocalDropFoldersShareNoFiles(t *testing.T) {
	everyDatabase(t, func(t *testing.T, db *catalog.DB) {
		newDropFolder(t, db, "/drop/a")
		newAccount(t, db, 2)
		for path, want := range map[string]error{
			"/drop/a": catalog.ErrConflict, "/drop": catalog.ErrConflict, "/drop/a/b": catalog.ErrConflict, "/": catalog.ErrConflict,
			"/drop/ab": nil, "relative": catalog.ErrInvalid, "/drop/../x": catalog.ErrInvalid,
		} {
			_, err := db.AddDropFolder(t.Context(), 2, catalog.DropFolder{Name: "n", Type: catalog.DropFolderLocal, Path: path, DeletePolicy: 1})
			if !errors.Is(err, want) || (err == nil) != (want == nil) {
				t.Errorf("%s: %v, want %v", path, err, want)
			}
		}
		other, err := db.AddDropFolder(t.Context(), 2, catalog.DropFolder{Name: "n", Type: catalog.DropFolderSFTP, Path: "/drop/a", DeletePolicy: 1})
		if err != nil {
			t.Fatalf("another machine's path: %v", err)
		}
		if _, err := db.DropFolder(t.Context(), 1, other.ID); !errors.Is(err, catalog.ErrNotFound) {
			t.Errorf("another account's folder: %v", err)
		}
	})
}

func TestDropFolderSecretsAreSealed(t *testing.T) {
	everyDatabase(t, func(t *testing.T, db *catalog.DB) {
		newAccount(t, db, 1)
		f := catalog.DropFolder{
			Name: "n", Type: catalog.DropFolderSFTP, Path: "in", DeletePolicy: 1, Secrets: &catalog.DropFolderSecrets{Password: "secret"},
		}
		if _, err := db.AddDropFolder(t.Context(), 1, f); !errors.Is(err, catalog.ErrLocked) {
			t.Fatalf("without a key: %v", err)
		}
		old, key := firstKey, secondKey
		unlock(t, db, old)
		made, err := db.AddDropFolder(t.Context(), 1, f)
		if err != nil {
			t.Fatal(err)
		}
		if made.Sealed == "" || strings.Contains(made.Sealed, "secret") {
			t.Errorf("stored as %q", made.Sealed)
		}
		unlock(t, db, key, old)
		unlock(t, db, key) // the old key is not needed any more
		got, err := db.DropFolder(t.Context(), 1, made.ID)
		if err != nil || got.Secrets != nil {
			t.Fatalf("secrets %v without being asked for, %v", got.Secrets, err)
		}
		if got, err = db.UnsealDropFolder(got); err != nil || got.Secrets.Password != "secret" {
			t.Errorf("got %+v, %v", got.Secrets, err)
		}
		if _, err = db.UpdateDropFolder(t.Context(), 1, made.ID, func(f *catalog.DropFolder) error { f.Name = "other"; return nil }); err != nil {
			t.Fatal(err)
		}
		got, _ = db.DropFolder(t.Context(), 1, made.ID)
		if got, err = db.UnsealDropFolder(got); err != nil || got.Secrets.Password != "secret" || got.Name != "other" {
			t.Errorf("after an update: %+v, %v", got.Secrets, err)
		}
	})
}

func TestDropFolderHealthIsNoUpdate(t *testing.T) {
	everyDatabase(t, func(t *testing.T, db *catalog.DB) {
		f := newDropFolder(t, db, "/drop")
		for _, h := range []catalog.DropFolderHealth{{Code: 1, Text: "no answer"}, {LastFile: 7}, {LastFile: 3}} {
			if err := db.SetDropFolderHealth(t.Context(), f.ID, h); err != nil {
				t.Fatal(err)
			}
			got, err := db.DropFolder(t.Context(), 1, f.ID)
			want := catalog.DropFolderEnabled
			if h.Code != 0 {
				want = catalog.DropFolderError
			}
			if err != nil || got.Status != want || got.ErrorCode != h.Code || got.ErrorText != h.Text || got.UpdatedAt != f.UpdatedAt || got.LastAccess == 0 {
				t.Errorf("%+v: got %+v, %v", h, got, err)
			}
		}
		if got, _ := db.DropFolder(t.Context(), 1, f.ID); got.LastFile != 7 {
			t.Errorf("last file %d", got.LastFile)
		}
		watched, err := db.WatchedDropFolders(t.Context())
		if err != nil || len(watched) != 1 {
			t.Errorf("watched %v, %v", watched, err)
		}
	})
}

func TestOneLiveRowAName(t *testing.T) {
	everyDatabase(t, func(t *testing.T, db *catalog.DB) {
		folder := newDropFolder(t, db, "/drop")
		var files []catalog.DropFolderFile
		for i := range 600 {
			files = append(files, dropFile(folder, fmt.Sprintf("%03d's.mov", i)))
		}
		rows, added := addDropFiles(t, db, catalog.Fence{}, files...)
		again, addedAgain := addDropFiles(t, db, catalog.Fence{}, append([]catalog.DropFolderFile{dropFile(folder, "new.mov")}, files[:3]...)...)
		if len(rows) != 600 || !added[0] || !added[599] || rows[5].ID == 0 {
			t.Fatalf("first time: %d rows", len(rows))
		}
		if diff := cmp.Diff([]bool{true, false, false, false}, addedAgain); diff != "" || again[1].ID != rows[0].ID {
			t.Errorf("second time: %v, %+v", addedAgain, again)
		}
		ids := []catalog.DropFolderFileID{rows[0].ID, rows[1].ID, again[0].ID}
		err := db.InTx(t.Context(), func(tx *catalog.Tx) error {
			moved, err := tx.MoveDropFolderFiles(t.Context(), catalog.Fence{}, ids, catalog.FileUploading, catalog.FilePurged)
			if len(moved) != 3 {
				t.Errorf("moved %v", moved)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		third, added := addDropFiles(t, db, catalog.Fence{}, files[0])
		if !added[0] || third[0].ID == rows[0].ID {
			t.Errorf("after it was purged: %+v", third)
		}
		var known int
		if err := db.KnownDropFolderFiles(t.Context(), folder.ID, func(k []catalog.KnownFile) error { known += len(k); return nil }); err != nil || known != 599 {
			t.Errorf("%d live rows, %v", known, err)
		}
		counts, err := db.CountDropFolderFiles(t.Context(), folder.ID)
		if err != nil || counts[folder.ID][catalog.FileUploading] != 599 || len(counts[folder.ID]) != 1 {
			t.Errorf("counts %v, %v", counts, err)
		}
		list, total, err := db.DropFolderFiles(t.Context(), 1, catalog.Query{Limit: 10, Conds: []catalog.Cond{{Field: "status", Op: catalog.OpEq, Values: []any{int64(7)}}}})
		if err != nil || total != 3 || len(list) != 3 {
			t.Errorf("purged rows: %d, %v", total, err)
		}
		if n, err := db.TrimDropFolderFiles(t.Context(), time.Now().Add(time.Hour), 2); n != 2 || err != nil {
			t.Errorf("trimmed %d, %v", n, err)
		}
	})
}

func TestFilesChangeOnlyFromTheStateTheyWereIn(t *testing.T) {
	everyDatabase(t, func(t *testing.T, db *catalog.DB) {
		folder := newDropFolder(t, db, "/drop")
		rows, _ := addDropFiles(t, db, catalog.Fence{}, dropFile(folder, "a.mov"))
		change := func(fence catalog.Fence, from, to catalog.DropFolderFileStatus) error {
			return db.InTx(t.Context(), func(tx *catalog.Tx) error {
				_, err := tx.UpdateDropFolderFile(t.Context(), fence, rows[0].ID, from, func(f *catalog.DropFolderFile) error {
					f.Status = to
					return nil
				})
				return err
			})
		}
		token, ok, err := db.AcquireLease(t.Context(), "dropfolder:1", "me", time.Minute)
		if err != nil || !ok {
			t.Fatal(err)
		}
		mine := catalog.Fence{Lease: "dropfolder:1", Token: token}
		steps := []struct {
			fence    catalog.Fence
			from, to catalog.DropFolderFileStatus
			want     error
		}{
			{mine, catalog.FilePending, catalog.FileHandled, catalog.ErrConflict},
			{catalog.Fence{Lease: "dropfolder:1", Token: token + 1}, catalog.FileUploading, catalog.FilePending, catalog.ErrFenced},
			{catalog.Fence{Lease: "none", Token: 1}, catalog.FileUploading, catalog.FilePending, catalog.ErrFenced},
			{mine, catalog.FileUploading, catalog.FilePending, nil},
			{mine, catalog.FileUploading, catalog.FilePending, catalog.ErrConflict},
			{catalog.Fence{}, catalog.FilePending, catalog.FilePurged, nil},
			{mine, catalog.FilePurged, catalog.FilePending, catalog.ErrConflict},
		}
		for _, s := range steps {
			if err := change(s.fence, s.from, s.to); !errors.Is(err, s.want) || (err == nil) != (s.want == nil) {
				t.Errorf("%+v: %v", s, err)
			}
		}
		f, err := db.DropFolderFile(t.Context(), 1, rows[0].ID)
		if err != nil || f.Deleted != f.ID || f.Live() {
			t.Errorf("got %+v, %v", f, err)
		}
		if _, err := db.DropFolderFile(t.Context(), 2, rows[0].ID); !errors.Is(err, catalog.ErrNotFound) {
			t.Errorf("another account's: %v", err)
		}
	})
}

func TestTwinsByFoldedNameAreFound(t *testing.T) {
	everyDatabase(t, func(t *testing.T, db *catalog.DB) {
		folder := newDropFolder(t, db, "/drop")
		rows, _ := addDropFiles(t, db, catalog.Fence{}, dropFile(folder, "a.mov"), dropFile(folder, "A.mov"), dropFile(folder, "b.mov"))
		err := db.InTx(t.Context(), func(tx *catalog.Tx) error {
			twins, err := tx.FoldedTwins(t.Context(), folder.ID, []string{rows[0].FoldKey, rows[2].FoldKey})
			if err != nil {
				return err
			}
			if diff := cmp.Diff([]string{rows[0].FoldKey}, twins); diff != "" {
				t.Error(diff)
			}
			return tx.WarnOfTwins(t.Context(), folder.ID, twins, "look out")
		})
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range []string{"look out", "look out", ""} {
			if f, err := db.DropFolderFile(t.Context(), 1, rows[i].ID); err != nil || f.Warning != want {
				t.Errorf("%s: %q, %v", f.Path, f.Warning, err)
			}
		}
	})
}

func TestAnEntryOfOneDeliveryIsAddedOnce(t *testing.T) {
	everyDatabase(t, func(t *testing.T, db *catalog.DB) {
		newAccount(t, db, 1)
		newAccount(t, db, 2)
		add := func(a catalog.AccountID, key string) (catalog.Entry, bool) {
			e := catalog.BlankEntry(a)
			e.Name, e.DedupKey = "n", key
			made, added, err := db.AddEntryOnce(t.Context(), e)
			if err != nil {
				t.Fatal(err)
			}
			return made, added
		}
		first, added := add(1, "k")
		if !added {
			t.Error("the first was there")
		}
		if again, added := add(1, "k"); added || again.ID != first.ID {
			t.Errorf("again: %s, %v", again.ID, added)
		}
		if other, added := add(2, "k"); !added || other.ID == first.ID {
			t.Error("accounts share keys")
		}
		const many = 8
		type result struct {
			id    catalog.EntryID
			added bool
		}
		results := make(chan result, many)
		for range many {
			go func() {
				e := catalog.BlankEntry(1)
				e.Name, e.DedupKey = "n", "race"
				made, added, err := db.AddEntryOnce(t.Context(), e)
				if err != nil {
					t.Error(err)
				}
				results <- result{made.ID, added}
			}()
		}
		ids, made := map[catalog.EntryID]bool{}, 0
		for range many {
			r := <-results
			ids[r.id] = true
			if r.added {
				made++
			}
		}
		if len(ids) != 1 || made != 1 {
			t.Errorf("%d entries, %d made", len(ids), made)
		}
	})
}

package catalog_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"sluice/catalog"
)

// TestExtentsAreASetOfBytes compares extents with a set of single bytes.
func TestExtentsAreASetOfBytes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const size = 40
		var x catalog.Extents
		var set [size]bool
		for range rapid.IntRange(0, 12).Draw(t, "adds") {
			from := rapid.Int64Range(0, size).Draw(t, "from")
			to := rapid.Int64Range(0, size).Draw(t, "to")
			before := fmt.Sprint(x)
			next := x.Add(from, to)
			if fmt.Sprint(x) != before {
				t.Fatalf("adding changed %s to %v", before, x)
			}
			x = next
			for i := from; i < to; i++ {
				set[i] = true
			}
		}
		want, missing := extentsOf(set[:], true), extentsOf(set[:], false)
		if diff := cmp.Diff(want, x); diff != "" {
			t.Fatal(diff)
		}
		if diff := cmp.Diff(missing, x.Missing(size)); diff != "" {
			t.Fatal(diff)
		}
		total := int64(0)
		for _, there := range set {
			if there {
				total++
			}
		}
		contiguous := int64(0)
		for ; contiguous < size && set[contiguous]; contiguous++ {
		}
		if x.Total() != total || x.Contiguous() != contiguous || len(x) > 0 && x.End() != x[len(x)-1].To {
			t.Fatalf("%v: total %d, contiguous %d, want %d, %d", x, x.Total(), x.Contiguous(), total, contiguous)
		}
		b, err := json.Marshal(x)
		if err != nil {
			t.Fatal(err)
		}
		var back catalog.Extents
		if err := json.Unmarshal(b, &back); err != nil || cmp.Diff(x, back) != "" {
			t.Fatalf("%s reads back as %v, %v", b, back, err)
		}
	})
}

func extentsOf(set []bool, value bool) catalog.Extents {
	var out catalog.Extents
	for i := 0; i < len(set); i++ {
		if set[i] != value {
			continue
		}
		from := i
		for i < len(set) && set[i] == value {
			i++
		}
		out = append(out, catalog.Extent{From: int64(from), To: int64(i)})
	}
	return out
}

func TestUploadTokensBelongToTheirAccount(t *testing.T) {
	everyDatabase(t, func(t *testing.T, db *catalog.DB) {
		newAccount(t, db, 1)
		newAccount(t, db, 2)
		made, err := db.AddUploadToken(t.Context(), catalog.UploadToken{Account: 1, User: "anna", FileName: "a.mp4", FileSize: 100, AutoFinalize: true}, 0)
		if err != nil {
			t.Fatal(err)
		}
		got, err := db.UploadToken(t.Context(), 1, made.ID)
		if err != nil || cmp.Diff(made, got) != "" {
			t.Errorf("%v\n%s", err, cmp.Diff(made, got))
		}
		if len(made.ID) != 34 || !strings.HasPrefix(string(made.ID), "0_") {
			t.Errorf("id %s", made.ID)
		}
		if _, err := db.UploadToken(t.Context(), 2, made.ID); !errors.Is(err, catalog.ErrNotFound) {
			t.Errorf("another account's token: %v", err)
		}
		change := func(u *catalog.UploadToken) error { u.Status = catalog.UploadDeleted; return nil }
		if _, err := db.UpdateUploadToken(t.Context(), 2, made.ID, change); !errors.Is(err, catalog.ErrNotFound) {
			t.Errorf("another account's token changed: %v", err)
		}
		if _, err := db.AddUploadToken(t.Context(), catalog.UploadToken{Account: 3}, 0); !errors.Is(err, catalog.ErrNotFound) {
			t.Errorf("an unknown account: %v", err)
		}
		if _, err := db.AddUploadToken(t.Context(), catalog.UploadToken{Account: 1, FileName: "a\x00"}, 0); !errors.Is(err, catalog.ErrInvalid) {
			t.Errorf("a bad name: %v", err)
		}
		if _, err := db.AddUploadToken(t.Context(), catalog.UploadToken{Account: 1}, 1); !errors.Is(err, catalog.ErrQuota) {
			t.Errorf("one too many: %v", err)
		}
	})
}

func TestUploadTokensAreListed(t *testing.T) {
	everyDatabase(t, func(t *testing.T, db *catalog.DB) {
		newAccount(t, db, 1)
		newAccount(t, db, 2)
		var names []string
		for i := range 6 {
			tok, err := db.AddUploadToken(t.Context(), catalog.UploadToken{Account: 1, User: fmt.Sprint("u", i%2), FileName: fmt.Sprint("f", i)}, 0)
			if err != nil {
				t.Fatal(err)
			}
			names = append(names, tok.FileName)
			_, err = db.UpdateUploadToken(t.Context(), 1, tok.ID, func(u *catalog.UploadToken) error {
				u.Status = catalog.UploadStatus(i)
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		if _, err := db.AddUploadToken(t.Context(), catalog.UploadToken{Account: 2}, 0); err != nil {
			t.Fatal(err)
		}
		cond := func(field string, op catalog.Op, v ...any) catalog.Query {
			return catalog.Query{Conds: []catalog.Cond{{Field: field, Op: op, Values: v}}, Order: []catalog.Order{{Field: "createdAt"}}, Limit: 10}
		}
		for name, c := range map[string]struct {
			q    catalog.Query
			want string
		}{
			"all but the deleted": {catalog.Query{Limit: 10, Order: []catalog.Order{{Field: "createdAt"}}}, "[f0 f1 f2 f3 f4]"},
			"newest first":        {catalog.Query{Limit: 2}, "[f4 f3]"},
			"by user":             {cond("userId", catalog.OpEq, "u1"), "[f1 f3]"},
			"by status":           {cond("status", catalog.OpIn, int64(0), int64(2)), "[f0 f2]"},
			"by name":             {cond("fileName", catalog.OpEq, names[4]), "[f4]"},
		} {
			got, total, err := db.UploadTokens(t.Context(), 1, c.q)
			var list []string
			for _, tok := range got {
				list = append(list, tok.FileName)
			}
			if err != nil || fmt.Sprint(list) != c.want || total < len(list) {
				t.Errorf("%s: %v of %d, %v; want %s", name, list, total, err, c.want)
			}
		}
		idle, err := db.IdleUploadTokens(t.Context(), time.Now().Add(time.Minute), 10, catalog.UploadPending, catalog.UploadFull)
		if err != nil || len(idle) != 3 {
			t.Errorf("%d idle tokens, %v", len(idle), err)
		}
	})
}

// TestConcurrentChunksAreAllRecorded lets many writers add to one token's extents.
func TestConcurrentChunksAreAllRecorded(t *testing.T) {
	everyDatabase(t, func(t *testing.T, db *catalog.DB) {
		newAccount(t, db, 1)
		tok, err := db.AddUploadToken(t.Context(), catalog.UploadToken{Account: 1}, 0)
		if err != nil {
			t.Fatal(err)
		}
		const writers, each = 8, 10
		var all sync.WaitGroup
		for w := range writers {
			all.Go(func() {
				for i := range each {
					at := int64(i*writers+w) * 10
					_, err := db.UpdateUploadToken(t.Context(), 1, tok.ID, func(u *catalog.UploadToken) error {
						u.Extents = u.Extents.Add(at, at+10)
						return nil
					})
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
		tok, err = db.UploadToken(t.Context(), 1, tok.ID)
		if err != nil || tok.Extents.Contiguous() != writers*each*10 {
			t.Errorf("%v, %v", tok.Extents, err)
		}
	})
}

// TestATaskOfAnAssetFailsItAlone lets a task die that makes one asset of an entry, and brings both back.
func TestATaskOfAnAssetFailsItAlone(t *testing.T) {
	everyDatabase(t, func(t *testing.T, db *catalog.DB) {
		e, _ := newEntry(t, db, catalog.NewTask{Stage: catalog.StageImport, Name: "import"})
		made, err := db.AddAssets(t.Context(), e.ID, []catalog.Asset{
			{Type: catalog.AssetFlavor, Name: "source", Original: true, Status: catalog.AssetImporting},
			{Type: catalog.AssetFlavor, Name: "dub", Status: catalog.AssetImporting},
		})
		if err != nil {
			t.Fatal(err)
		}
		dub := made[1].ID
		tasks, err := db.AddTasks(t.Context(), e.ID, []catalog.NewTask{
			{Stage: catalog.StageFetch, Name: "fetch dub", Asset: dub}, {Stage: catalog.StageAdopt, Name: "adopt dub", Asset: dub, After: []int{0}},
		})
		if err != nil {
			t.Fatal(err)
		}
		fail := func(id catalog.TaskID) {
			t.Helper()
			task := claim(t, db, id)
			if state, err := db.Fail(t.Context(), id, task.Attempt, "url_not_found", "Nothing there.", false, 0); err != nil || state != catalog.TaskDead {
				t.Fatalf("%s, %v", state, err)
			}
		}
		check := func(entry catalog.EntryStatus, asset catalog.AssetStatus, want map[string]catalog.TaskState) {
			t.Helper()
			now, err := db.EntryByID(t.Context(), e.ID)
			if err != nil || now.Status != entry {
				t.Errorf("entry has status %d (%v), want %d", now.Status, err, entry)
			}
			a, err := db.Asset(t.Context(), dub)
			if err != nil || a.Status != asset || (a.ErrorText != "") != (asset == catalog.AssetError) {
				t.Errorf("asset has status %d %q (%v), want %d", a.Status, a.ErrorText, err, asset)
			}
			if diff := cmp.Diff(want, states(t, db, e.ID)); diff != "" {
				t.Error(diff)
			}
		}
		fail(tasks[0].ID)
		check(catalog.EntryImport, catalog.AssetError, map[string]catalog.TaskState{
			"import": catalog.TaskRunnable, "fetch dub": catalog.TaskDead, "adopt dub": catalog.TaskCancelled,
		})
		if err := db.RetryDead(t.Context(), tasks[0].ID); err != nil {
			t.Fatal(err)
		}
		check(catalog.EntryImport, catalog.AssetImporting, map[string]catalog.TaskState{
			"import": catalog.TaskRunnable, "fetch dub": catalog.TaskRunnable, "adopt dub": catalog.TaskWaiting,
		})
		// Other content for the asset ends its tasks for good.
		if err := db.InTx(t.Context(), func(tx *catalog.Tx) error { return tx.CancelAsset(t.Context(), dub) }); err != nil {
			t.Fatal(err)
		}
		if _, err := db.RetryEntry(t.Context(), e.ID); err != nil {
			t.Fatal(err)
		}
		check(catalog.EntryImport, catalog.AssetImporting, map[string]catalog.TaskState{
			"import": catalog.TaskRunnable, "fetch dub": catalog.TaskCancelled, "adopt dub": catalog.TaskCancelled,
		})
	})
}

// TestAnEntryFailsWithItsOnlyAsset: without an original nothing is left that could make the entry ready.
func TestAnEntryFailsWithItsOnlyAsset(t *testing.T) {
	everyDatabase(t, func(t *testing.T, db *catalog.DB) {
		e, _ := newEntry(t, db)
		made, err := db.AddAssets(t.Context(), e.ID, []catalog.Asset{
			{Type: catalog.AssetFlavor, Name: "a", Status: catalog.AssetImporting}, {Type: catalog.AssetFlavor, Name: "b", Status: catalog.AssetImporting},
		})
		if err != nil {
			t.Fatal(err)
		}
		tasks, err := db.AddTasks(t.Context(), e.ID, []catalog.NewTask{
			{Stage: catalog.StageFetch, Name: "a", Asset: made[0].ID}, {Stage: catalog.StageFetch, Name: "b", Asset: made[1].ID},
		})
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range []catalog.EntryStatus{catalog.EntryImport, catalog.EntryErrorImporting} {
			task := claim(t, db, tasks[i].ID)
			if _, err := db.Fail(t.Context(), task.ID, task.Attempt, "x", "X.", false, 0); err != nil {
				t.Fatal(err)
			}
			if now, err := db.EntryByID(t.Context(), e.ID); err != nil || now.Status != want {
				t.Errorf("after failure %d the entry has status %d (%v), want %d", i+1, now.Status, err, want)
			}
		}
	})
}

package dropfolder

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"sluice/catalog"
)

func TestFilesWaitForRoomInTheFoldersQuota(t *testing.T) {
	h := newHouse(t, func(f *catalog.DropFolder) { f.Options.QuotaBytes = 10 })
	h.write("first.mp4", "123456")
	h.write("second.mp4", "abcdef")
	h.start()
	var kept, waits catalog.DropFolderFile
	h.until("one to be taken and one to wait", func() bool {
		a, b := h.row("first.mp4"), h.row("second.mp4")
		if b.Status == purged {
			a, b = b, a
		}
		kept, waits = a, b
		return kept.Status == purged && waits.ErrorCode == string(CodeQuota)
	})
	if waits.Status != pending || waits.NextAt == 0 || !strings.Contains(waits.Why, "Remove entries") || waits.Attempt != 0 {
		t.Errorf("it waits as %+v", waits)
	}
	h.stop()
	if err := h.db.DeleteEntry(t.Context(), kept.Entry); err != nil {
		t.Fatal(err)
	}
	h.retryNow(waits)
	h.start()
	h.wait(waits.Path, purged)
}

// retryNow lets a file that waits for its time be tried again.
func (h *house) retryNow(f catalog.DropFolderFile) {
	h.Helper()
	err := h.db.InTx(h.Context(), func(tx *catalog.Tx) error {
		_, err := tx.UpdateDropFolderFile(h.Context(), catalog.Fence{}, f.ID, f.Status, func(n *catalog.DropFolderFile) error { n.NextAt = 0; return nil })
		return err
	})
	if err != nil {
		h.Fatal(err)
	}
}

func TestFilesWaitForRoomInTheAccountsQuota(t *testing.T) {
	h := newHouse(t)
	var mu sync.Mutex
	var held, most int64
	limit := int64(100)
	h.cfg.Keep = func(_ context.Context, id catalog.AccountID, bytes int64) (func(), error) {
		mu.Lock()
		defer mu.Unlock()
		if bytes > limit {
			return nil, fmt.Errorf("%w: account %d has no room for %d bytes", catalog.ErrQuota, id, bytes)
		}
		held += bytes
		most = max(most, held)
		return func() { mu.Lock(); defer mu.Unlock(); held -= bytes }, nil
	}
	h.write("large.mp4", strings.Repeat("x", 101))
	h.write("small.mp4", "small")
	h.start()
	h.wait("small.mp4", purged)
	h.until("the large one to wait", func() bool { return h.row("large.mp4").ErrorCode == string(CodeQuota) })
	if _, err := h.store().Stat(t.Context(), "large.mp4"); err != nil {
		t.Errorf("the file that waits is not in its folder: %v", err)
	}
	mu.Lock()
	limit = 101
	mu.Unlock()
	h.retryNow(h.row("large.mp4"))
	h.wait("large.mp4", purged)
	h.stop()
	mu.Lock()
	defer mu.Unlock()
	if held != 0 || most != 101 {
		t.Errorf("%d bytes stay held, at most %d were", held, most)
	}
}

func TestFilesWaitForAnotherDay(t *testing.T) {
	h := newHouse(t)
	h.setLimits(catalog.Limits{EntriesADay: 2})
	for _, n := range []string{"a", "b", "c"} {
		h.write(n+".mp4", n)
	}
	h.start()
	var waits catalog.DropFolderFile
	h.until("two entries, and one file to wait", func() bool {
		done := 0
		for _, r := range h.rows() {
			if r.Status == purged {
				done++
			} else {
				waits = r
			}
		}
		return done == 2 && waits.ErrorCode == string(CodeQuota)
	})
	if waits.Status != pending || waits.NextAt == 0 || waits.Attempt != 0 || !strings.Contains(waits.Why, "may make 2") {
		t.Errorf("it waits as %+v", waits)
	}
	h.setLimits(catalog.Limits{EntriesADay: 3})
	h.retryNow(waits)
	h.wait(waits.Path, purged)
}

func TestAFolderHasNoMoreFilesThanItMay(t *testing.T) {
	h := newHouse(t, func(f *catalog.DropFolder) { f.DeletePolicy = catalog.DeleteManually })
	h.setLimits(catalog.Limits{FolderFiles: 2})
	for i := range 5 {
		h.write(fmt.Sprintf("f%d.mp4", i), fmt.Sprint(i))
	}
	h.start()
	health := func() catalog.DropFolder {
		f, err := h.db.DropFolder(h.Context(), h.folder.Account, h.folder.ID)
		if err != nil {
			h.Fatal(err)
		}
		return f
	}
	h.until("three files to wait", func() bool { return strings.HasPrefix(health().ErrorText, "3 files wait: the folder has 2 already") })
	rows := h.rows()
	if len(rows) != 2 {
		t.Errorf("%d files have rows, want 2", len(rows))
	}
	// One that goes away makes room for another.
	h.wait(rows[0].Path, handled)
	if err := h.store().Remove(t.Context(), rows[0].Path); err != nil {
		t.Fatal(err)
	}
	h.until("two files to wait", func() bool { return strings.HasPrefix(health().ErrorText, "2 files wait") })
	h.setLimits(catalog.Limits{})
	h.until("all to be there", func() bool { return health().ErrorText == "" && len(h.rows()) >= 5 })
}

// setLimits gives the account limits of its own.
func (h *house) setLimits(l catalog.Limits) {
	h.Helper()
	if _, err := h.db.UpdateAccount(h.Context(), h.folder.Account, func(a *catalog.Account) error { a.Details.Limits = l; return nil }); err != nil {
		h.Fatal(err)
	}
}

func (h *house) store() *local {
	h.Helper()
	l, err := openLocal(h.folder.Path, false)
	if err != nil {
		h.Fatal(err)
	}
	h.Cleanup(func() { _ = l.Close() })
	return l
}

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

// TestEveryAccountHasItsTurn lets one account ask for very many turns before another one asks for one.
func TestEveryAccountHasItsTurn(t *testing.T) {
	turns := newTurns(1)
	if err := turns.take(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	got := make(chan catalog.AccountID, 101)
	ask := func(a catalog.AccountID) {
		go func() {
			if err := turns.take(context.Background(), a); err != nil {
				t.Error(err)
			}
			got <- a
		}()
	}
	wait := func(a catalog.AccountID, n int) {
		t.Helper()
		for end := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
			turns.mu.Lock()
			have := len(turns.waiting[a])
			turns.mu.Unlock()
			if have == n {
				return
			}
			if time.Now().After(end) {
				t.Fatalf("%d of account %d wait, want %d", have, a, n)
			}
		}
	}
	for range 100 {
		ask(1)
	}
	wait(1, 100)
	ask(2)
	wait(2, 1)
	turns.give()
	first := <-got
	turns.give()
	second := <-got
	if first != 1 || second != 2 {
		t.Errorf("turns went to %d and %d", first, second)
	}
	for range 99 {
		turns.give()
		<-got
	}
	turns.give()
	if turns.free != 1 || len(turns.order) != 0 || len(turns.waiting) != 0 {
		t.Errorf("%+v", turns)
	}
}

func TestWhoGivesUpWaitingKeepsNoTurn(t *testing.T) {
	turns := newTurns(1)
	if err := turns.take(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 3 {
		if err := turns.take(ctx, 2); !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
	turns.give()
	if turns.free != 1 || len(turns.waiting) != 0 || len(turns.order) != 0 {
		t.Errorf("%+v", turns)
	}
}

func TestLeftoversOfDeletedEntriesGo(t *testing.T) {
	h := newHouse(t).start()
	h.drop("deleted.mp4", "x")
	h.drop("kept.mp4", "x")
	gone, kept := h.wait("deleted.mp4", purged), h.wait("kept.mp4", purged)
	h.stop()
	if err := h.db.DeleteEntry(t.Context(), gone.Entry); err != nil {
		t.Fatal(err)
	}
	w, err := New(h.cfg)
	if err != nil {
		t.Fatal(err)
	}
	stranger := filepath.Join(h.cfg.Incoming, "df-999999")
	if err := os.Mkdir(stranger, 0o755); err != nil {
		t.Fatal(err)
	}
	later := time.Now().Add(time.Hour)
	if err := errors.Join(w.tidyPlaces(t.Context(), later), w.trim(t.Context(), time.Now().Add(-time.Hour))); err != nil {
		t.Fatal(err)
	}
	for dir, want := range map[string]bool{w.placeDir(gone.ID): false, w.placeDir(kept.ID): true, stranger: true} {
		if _, err := os.Stat(dir); (err == nil) != want {
			t.Errorf("%s: %v", dir, err)
		}
	}
	if n := len(h.rows()); n != 2 {
		t.Errorf("%d rows", n)
	}
	if err := w.trim(t.Context(), later); err != nil || len(h.rows()) != 0 {
		t.Errorf("%d rows of history are left, %v", len(h.rows()), err)
	}
}

func TestTrashIsKeptForItsDays(t *testing.T) {
	h := newHouse(t, func(f *catalog.DropFolder) { f.Options.TrashDays, f.Options.PruneEmpty = 2, true })
	day := func(back int) string {
		return filepath.Join(h.path(trashDir), time.Now().UTC().AddDate(0, 0, -back).Format("2006-01-02"))
	}
	for _, back := range []int{1, 5} {
		if err := os.MkdirAll(day(back), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	h.start()
	h.drop("sub/film.mp4", "film")
	h.wait("sub/film.mp4", purged)
	h.until("old trash to go", func() bool { _, err := os.Stat(day(5)); return errors.Is(err, os.ErrNotExist) })
	found, err := filepath.Glob(filepath.Join(h.path(trashDir), "*", "sub", "*-film.mp4"))
	if err != nil || len(found) != 1 {
		t.Errorf("in the trash: %v, %v", found, err)
	}
	if _, err := os.Stat(day(1)); err != nil {
		t.Error(err)
	}
}

package catalog_test

import (
	"context"
	"testing"
	"time"

	"sluice/catalog"
)

// TestAFrozenMachineKeepsNothingLocked stands still in the middle of a transaction, as a machine does whose processes were stopped
// or whose network is gone. Another machine changes the same entry meanwhile; the first one's transaction is run again when it wakes.
func TestAFrozenMachineKeepsNothingLocked(t *testing.T) {
	location := postgres(t)
	frozen, other := open(t, location), open(t, location)
	e, _ := newEntry(t, other)
	locked, changed := make(chan struct{}), make(chan error, 1)
	go func() {
		<-locked
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		changed <- other.UpdateEntry(ctx, e.ID, func(e *catalog.Entry) error { e.Name += " other"; return nil })
	}()
	tries := 0
	err := frozen.InTx(t.Context(), func(tx *catalog.Tx) error {
		tries++
		if err := tx.UpdateEntry(t.Context(), e.ID, func(e *catalog.Entry) error { e.Name += " frozen"; return nil }); err != nil {
			return err
		}
		if tries == 1 {
			close(locked)
			if err := <-changed; err != nil {
				t.Error("the other machine: ", err)
			}
		}
		return nil
	})
	if err != nil || tries != 2 {
		t.Errorf("%d tries: %v", tries, err)
	}
	got, err := other.Entry(t.Context(), e.Account, e.ID)
	if err != nil {
		t.Fatal(err)
	}
	if want := e.Name + " other frozen"; got.Name != want {
		t.Errorf("name %q, not %q", got.Name, want)
	}
}

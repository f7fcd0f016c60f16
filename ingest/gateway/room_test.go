package gateway_test

import (
	"sync/atomic"
	"testing"

	"sluice/ingest/quota"
	"sluice/storage"
)

// TestAnUploadThatMeetsTheEndOfTheVolumeRests: nobody knows how long it will be, so that it begins, and it goes on once there is room.
func TestAnUploadThatMeetsTheEndOfTheVolumeRests(t *testing.T) {
	h := newHouse(t)
	var room atomic.Int64
	room.Store(20 << 20)
	limits := quota.New(quota.Config{Accounts: h.db, Admit: func(grows int64) error {
		if room.Load()-h.partBytes() < grows {
			return storage.ErrFull
		}
		return nil
	}})
	h.cfg.Reserve = limits.Reserve
	h.start()
	want := data(40 << 20)
	src := h.local("long.mp4", want)
	if out, err := h.openssh("put " + src + " long.mp4"); err == nil {
		t.Fatalf("there is no room for it, and it comes: %s", out)
	}
	h.wantNoFile("long.mp4")
	if n := h.partBytes(); n < 19<<20 || n > 21<<20 { // what is written at the moment counts a moment later
		t.Errorf("%d bytes came where 20 MiB were free", n)
	}
	room.Store(1 << 30)
	if out, err := h.openssh("reput " + src + " long.mp4"); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	h.wantFile("long.mp4", want)
	h.wantNoParts()
}

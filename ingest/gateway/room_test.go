package gateway_test

import (
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/pkg/sftp"

	"sluice/ingest/gateway"
	"sluice/ingest/quota"
	"sluice/storage"
)

// ofRoom is a gateway over a volume with room.
func ofRoom(t *testing.T, bytes int64) (*house, *atomic.Int64) {
	h := newHouse(t)
	var room atomic.Int64
	room.Store(bytes)
	limits := quota.New(quota.Config{Accounts: h.db, Admit: func(grows int64) error {
		if room.Load()-h.partBytes() < grows {
			return storage.ErrFull
		}
		return nil
	}})
	h.cfg.Reserve = limits.Reserve
	return h.start(), &room
}

// TestWhatAWriteWasRefusedOfIsNotWhole: clients close their handle after a write that failed, too, and what came before it has no gap.
func TestWhatAWriteWasRefusedOfIsNotWhole(t *testing.T) {
	h, room := ofRoom(t, 20<<20)
	c, want := h.client(), data(40<<20)
	const step = 32 << 10
	send := func(f *sftp.File, from int64) (int64, error) {
		for at := from; at < int64(len(want)); at += step {
			if _, err := f.WriteAt(want[at:min(at+step, int64(len(want)))], at); err != nil {
				return at, err
			}
		}
		return int64(len(want)), nil
	}
	f, err := c.Create("cut.mov")
	if err != nil {
		t.Fatal(err)
	}
	at, err := send(f, 0)
	if err == nil {
		t.Fatal("there is no room for it, and it comes")
	}
	if err := f.Truncate(at); err != nil { // as OpenSSH does when it goes on with a file
		t.Fatal(err)
	}
	if err := f.Close(); err == nil || !strings.Contains(err.Error(), gateway.ErrIncomplete.Error()) {
		t.Errorf("closed: %v", err)
	}
	h.wantNoFile("cut.mov")

	// The same client goes on: with too little room, and then with enough.
	room.Store(at + 10<<20)
	if f, err = c.OpenFile("cut.mov", os.O_WRONLY); err != nil {
		t.Fatal(err)
	}
	if info, err := f.Stat(); err != nil || info.Size() != at {
		t.Fatalf("%v, %v; %d bytes came", info, err, at)
	}
	if at, err = send(f, at); err == nil {
		t.Fatal("there is still no room for all of it")
	}
	room.Store(1 << 30)
	if _, err := send(f, at); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Errorf("all of it came, and: %v", err)
	}
	h.wantFile("cut.mov", want)
	h.wantNoParts()
}

// TestAnUploadThatMeetsTheEndOfTheVolumeRests: nobody knows how long it will be, so that it begins, and it goes on once there is room.
func TestAnUploadThatMeetsTheEndOfTheVolumeRests(t *testing.T) {
	h, room := ofRoom(t, 20<<20)
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

package dropfolder

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"sluice/catalog"
)

// TestAFullDiskIsWaitedFor gives the files that are taken a small disk with something else on it, and removes that when half of them
// are in: the others follow by themselves.
func TestAFullDiskIsWaitedFor(t *testing.T) {
	h := newHouse(t, func(f *catalog.DropFolder) { f.DeletePolicy = catalog.DeleteManually })
	const n, size = 40, 64 << 10
	disk := h.cfg.Incoming
	if err := os.MkdirAll(disk, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("tmpfs", disk, "tmpfs", 0, fmt.Sprintf("size=%d", 2*n*size)); err != nil {
		t.Skipf("needs to mount a file system, as root may: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(disk, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	ballast := filepath.Join(disk, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 3*n*size/2), 0o644); err != nil {
		t.Fatal(err)
	}
	content := func(i int) []byte { return bytes.Repeat([]byte{byte(i + 1)}, size) }
	for i := range n {
		h.write(fmt.Sprintf("f%02d.mp4", i), string(content(i)))
	}
	h.start()
	count := func() (done, waits int) {
		for _, r := range h.rows() {
			switch {
			case r.Status == handled:
				done++
			case r.Status == pending && r.ErrorCode == string(CodeDiskFull) && r.NextAt > 0:
				waits++
			}
		}
		return done, waits
	}
	h.until("the disk to be full", func() bool {
		done, waits := count()
		return waits > 0 && done+waits == n
	})
	done, waits := count()
	if done == 0 || waits == 0 {
		t.Errorf("%d files came in before the disk was full, %d wait", done, waits)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	freed := time.Now()
	h.until("all files", func() bool { done, _ := count(); return done == n })
	t.Logf("%d of %d files came in before the disk was full; the others %v after it was freed", n-waits, n, time.Since(freed).Round(time.Second))
	entries := h.entries()
	for i := range n {
		name := fmt.Sprintf("f%02d", i)
		if got := entries[name]; len(got) != 1 || got[0] != string(content(i)) {
			t.Errorf("%s: %d entries", name, len(got))
		}
	}
}

func TestWhatHasNoRoomIsNoFailure(t *testing.T) {
	for _, err := range []error{unix.ENOSPC, unix.EDQUOT, &os.PathError{Op: "mkdir", Path: "df-1", Err: unix.ENOSPC}} {
		if !noRoom(fmt.Errorf("take: %w", err)) {
			t.Errorf("%v counts as a failure of the file", err)
		}
	}
	if noRoom(unix.EIO) || noRoom(errors.New("database is locked")) {
		t.Error("another failure counts as a full disk")
	}
}

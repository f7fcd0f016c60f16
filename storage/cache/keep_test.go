package cache_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"sluice/storage/cache"
)

func TestBlocksSurviveARestart(t *testing.T) {
	dir, r := t.TempDir(), newRemote("a", 6*block+7)
	c := open(t, dir, 100)
	readAt(t, c, r, 0, 6*block+7)
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	readAt(t, open(t, dir, 100), r, 0, 6*block+7)
	if got := r.asked(); len(got) != 1 {
		t.Errorf("requests %v, want one", got)
	}
}

func TestAnotherBlockSizeIsAnotherCache(t *testing.T) {
	dir, r := t.TempDir(), newRemote("a", 3*block)
	c := open(t, dir, 100)
	readAt(t, c, r, 0, 3*block)
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	c, err := cache.Open(cache.Options{Dir: dir, BlockSize: 2 * block})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	readAt(t, c, r, 0, 3*block)
}

// blockFiles returns the files of blocks.
func blockFiles(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*", "*", "*", "*-*"))
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestDamagedBlocksAreFetchedAnew(t *testing.T) {
	for name, damage := range map[string]func(string) error{
		"flipped bit": func(f string) error {
			b, err := os.ReadFile(f)
			if err == nil {
				b[100] ^= 1
				err = os.WriteFile(f, b, 0o600)
			}
			return err
		},
		"torn":  func(f string) error { return os.Truncate(f, 10) },
		"empty": func(f string) error { return os.Truncate(f, 0) },
		"gone":  os.Remove,
		"grown": func(f string) error { return os.Truncate(f, 3*block) },
	} {
		for _, restart := range []bool{true, false} {
			if !restart && name == "flipped bit" {
				continue // what a live process wrote it trusts, as it trusts the disk
			}
			t.Run(fmt.Sprintf("%s/restart=%v", name, restart), func(t *testing.T) {
				dir, r := t.TempDir(), newRemote("a", 3*block)
				c := open(t, dir, 100)
				readAt(t, c, r, 0, 3*block)
				until(t, func() bool { return len(blockFiles(t, dir)) == 3 })
				if restart {
					if err := c.Close(); err != nil {
						t.Fatal(err)
					}
				}
				for _, f := range blockFiles(t, dir) {
					if err := damage(f); err != nil {
						t.Fatal(err)
					}
				}
				if restart {
					c = open(t, dir, 100)
				}
				if name == "grown" && !restart {
					readAt(t, c, r, 0, 3*block) // the right bytes are still at the right place
					return
				}
				readAt(t, c, r, 0, 3*block)
				if got := r.asked(); len(got) < 2 {
					t.Errorf("requests %v: the damage was not seen", got)
				}
			})
		}
	}
}

func TestTheLimitHoldsAndTheLongestUnusedGoesFirst(t *testing.T) {
	dir := t.TempDir()
	c, r := open(t, dir, 4), newRemote("a", 10*block)
	for i := range int64(4) {
		readAt(t, c, r, i*block, 1)
		until(t, func() bool { return len(blockFiles(t, dir)) == int(i)+1 })
	}
	readAt(t, c, r, 0, 1) // block 0 is used again, so 1 is the oldest
	readAt(t, c, r, 4*block, 1)
	until(t, func() bool {
		names := strings.Join(blockFiles(t, dir), " ")
		return len(blockFiles(t, dir)) == 4 && strings.Contains(names, "/4-") && !strings.Contains(names, "/1-")
	})
	before := len(r.asked())
	readAt(t, c, r, 0, 1)
	if got := len(r.asked()); got != before {
		t.Error("block 0 was thrown out though it was just used")
	}
	readAt(t, c, r, 0, 10*block)
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if n := len(blockFiles(t, dir)); n > 4 {
		t.Errorf("%d blocks are kept, want at most 4", n)
	}
	// A smaller limit holds from the start.
	c = open(t, dir, 2)
	if n := len(blockFiles(t, dir)); n > 2 {
		t.Errorf("after a restart %d blocks are kept, want at most 2", n)
	}
	readAt(t, c, r, 0, 10*block)
}

func TestAFullDiskStillServes(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=16k"); err != nil {
		t.Skipf("no file system can be mounted here: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	c, r := open(t, dir, 1000), newRemote("a", 100*block)
	for range 3 {
		readAt(t, c, r, 0, 100*block)
	}
}

func TestTwoOfOneFolderDoNotMeet(t *testing.T) {
	dir, r := t.TempDir(), newRemote("a", 5*block)
	a, b := open(t, dir, 100), open(t, dir, 2)
	readAt(t, a, r, 0, 5*block)
	readAt(t, b, r, 0, 5*block)
	before := len(r.asked())
	readAt(t, a, r, 0, 5*block)
	if got := len(r.asked()); got != before {
		t.Error("the second cache threw out blocks of the first")
	}
}

package bench

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"sluice/catalog"
	"sluice/internal/durable"
)

const gibibyte = 1 << 30

// folderRename takes ten files of 1 GiB that are to go from their folder at once: on one file system they are renamed. Their content does
// not matter, so they have none.
func folderRename(ctx context.Context, e *Env, emit func(Result)) error {
	const n = 10
	d, err := e.newDropBench(ctx, "rename")
	if err != nil {
		return err
	}
	defer d.close()
	folder, err := d.add(ctx, folderAccount, catalog.DropFolder{SizeInterval: 6, DeletePolicy: catalog.DeleteAfterImport})
	if err != nil {
		return err
	}
	moved := time.Duration(0)
	if err := os.MkdirAll(folder.Path, 0o755); err != nil {
		return err
	}
	for i := range n {
		from, to := filepath.Join(d.dir, fmt.Sprint(i)), filepath.Join(folder.Path, fmt.Sprintf("large-%d.mp4", i))
		if err := sparse(from, gibibyte); err != nil {
			return err
		}
		u, err := timed(ctx, nil, "mv", from, to)
		if err != nil {
			return err
		}
		moved += u.wall
	}
	stop, err := d.watch(time.Hour)
	if err != nil {
		return err
	}
	defer stop()
	took, err := d.taken(ctx, folder, n)
	if err != nil {
		return err
	}
	emit(least("dropfolder-rename", "mv, one by one", "s for 10 GiB", took.Seconds(), moved.Seconds(), "≤ 1 s"))
	return nil
}

func sparse(path string, size int64) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Truncate(size), f.Sync(), f.Close())
}

// taken waits until n files of a folder are entries, and returns the time from the claim of the first to the entry of the last.
func (d *dropBench) taken(ctx context.Context, folder catalog.DropFolder, n int) (time.Duration, error) {
	var first, last catalog.Stamp
	err := waitEvery(ctx, 50*time.Millisecond, 10*time.Minute, "the files to be entries", func() bool {
		rows, err := d.rows(ctx, folder.ID)
		if err != nil {
			return false
		}
		done := 0
		first, last = 0, 0
		for _, r := range rows {
			if r.ImportEnd == 0 {
				continue
			}
			done++
			last = max(last, r.ImportEnd)
			if first == 0 || r.ImportStart < first {
				first = r.ImportStart
			}
		}
		return done == n
	})
	return last.Time().Sub(first.Time()), err
}

// memoryDir is a file system in memory, from which files have to be copied.
const memoryDir = "/dev/shm"

// folderCopy takes a large file from another file system, which is copied, hashed and synced; the peer is cp and sync.
func folderCopy(ctx context.Context, e *Env, emit func(Result)) error {
	size := int64(e.rounds(4, 1)) * gibibyte / 2
	var fs syscall.Statfs_t
	if err := syscall.Statfs(memoryDir, &fs); err != nil || int64(fs.Bavail)*fs.Bsize < size { //nolint:unconvert // differs by processor
		e.Log("no copy across file systems: %s has no room for %d MiB", memoryDir, size>>20)
		return nil
	}
	source, err := os.MkdirTemp(memoryDir, "sluice-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(source)
	film := filepath.Join(source, "film.mp4")
	if err := noise(film, size); err != nil {
		return err
	}
	var ourCPU, theirCPU []float64
	giga := float64(size) / 1e9
	res, err := e.compare(ctx, pair{"dropfolder-copy", "cp and sync", "GB/s", false,
		func(ctx context.Context) (float64, error) {
			t, c, err := e.copyIn(ctx, film)
			ourCPU = append(ourCPU, c.Seconds()/giga)
			return giga / t.Seconds(), err
		},
		func(ctx context.Context) (float64, error) {
			to := filepath.Join(e.Dir, "copied.mp4")
			defer os.Remove(to)
			u, err := timed(ctx, nil, "cp", film, to)
			if err != nil {
				return 0, err
			}
			began := time.Now()
			err = durable.SyncFile(to)
			theirCPU = append(theirCPU, u.cpu.Seconds()/giga)
			return giga / (u.wall + time.Since(began)).Seconds(), err
		},
	}, e.rounds(5, 2))
	if err != nil {
		return err
	}
	res.Gate = "ratio ≥ 0.85 with SHA-256"
	emit(res)
	res.Peer = "cp" // of which no part waits for the disk
	emit(beside(res, "-cpu", "CPU s/GB", ourCPU, theirCPU))
	return nil
}

// copyIn lets a watcher take one file in by a copy, and returns the time from its claim to its entry, and the CPU of all that.
func (e *Env) copyIn(ctx context.Context, film string) (took, cpu time.Duration, err error) {
	d, err := e.newDropBench(ctx, "copy")
	if err != nil {
		return 0, 0, err
	}
	defer d.close()
	folder, err := d.add(ctx, folderAccount, catalog.DropFolder{SizeInterval: 6, DeletePolicy: catalog.DeleteManually, Path: filepath.Dir(film)})
	if err != nil {
		return 0, 0, err
	}
	began := used()
	stop, err := d.watch(time.Hour)
	if err != nil {
		return 0, 0, err
	}
	defer stop()
	took, err = d.taken(ctx, folder, 1)
	return took, used() - began, err
}

// noise makes a file of random bytes.
func noise(path string, size int64) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	_, err = io.CopyN(f, rand.Reader, size)
	return errors.Join(err, f.Close())
}

package bench

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"sluice/catalog"
	"sluice/ingest"
	"sluice/ingest/content"
	"sluice/ingest/dropfolder"
	"sluice/pipeline/stage"
	"sluice/storage/disk"
)

// Sizes of the folder that is measured.
const (
	folderFiles     = 100_000
	folderQuick     = 5_000
	folderFileBytes = 1 << 10
)

// runDropFolder lets a watcher take a tree of small files in, and compares with copying the tree. Entries wait for their import: what is
// measured is the door.
func runDropFolder(ctx context.Context, e *Env, emit func(Result)) error {
	n := folderFiles
	if e.Quick {
		n = folderQuick
	}
	d, err := e.newDropBench(ctx, n)
	if err != nil {
		return err
	}
	defer d.close()
	took, err := d.copyTree(ctx)
	if err != nil {
		return err
	}
	began := time.Now()
	stop, err := d.watch()
	if err != nil {
		return err
	}
	var detected, entered time.Duration
	err = waitFor(ctx, time.Hour, "the files to become entries", func() bool {
		seen, done, err := d.progress(ctx)
		if err == nil && seen == n && detected == 0 {
			detected = time.Since(began)
			e.Log("%d files complete after %v", n, detected)
		}
		entered = time.Since(began)
		return err == nil && done == n
	})
	stop()
	if err != nil {
		return err
	}
	rate := func(t time.Duration) float64 { return float64(n) / t.Seconds() }
	emit(one("dropfolder-detect", "cp -r of the tree", "files/s", rate(detected), rate(took)))
	emit(one("dropfolder-entries", "cp -r of the tree", "files/s", rate(entered), rate(took)))
	idle, grown, err := d.idleSweep(ctx)
	if err != nil {
		return err
	}
	e.Log("an idle sweep of %d known files takes %v of CPU, memory grows by %d KiB", n, idle, grown>>10)
	return nil
}

func one(name, peer, unit string, ours, theirs float64) Result {
	return Result{Bench: name, Peer: peer, Unit: unit, Ours: ours, Theirs: theirs, Ratio: ours / theirs, Min: ours / theirs, Max: ours / theirs, Runs: 1}
}

// dropBench is a catalog with a drop folder full of files.
type dropBench struct {
	db     *catalog.DB
	store  *disk.Store
	folder catalog.DropFolder
	dir    string
	files  int
}

func (e *Env) newDropBench(ctx context.Context, n int) (*dropBench, error) {
	d := &dropBench{dir: e.Dir, files: n}
	var err error
	if d.db, err = catalog.Open(ctx, "sqlite://"+filepath.Join(e.Dir, "catalog.db")); err != nil {
		return nil, err
	}
	if d.store, err = disk.Open(filepath.Join(e.Dir, "objects")); err != nil {
		return nil, err
	}
	if _, _, err = d.db.EnsureAccount(ctx, 101, "bench"); err != nil {
		return nil, err
	}
	d.folder, err = d.db.AddDropFolder(ctx, 101, catalog.DropFolder{
		Name: "bench", Type: catalog.DropFolderLocal, Status: catalog.DropFolderEnabled, Path: filepath.Join(e.Dir, "drop"), SizeInterval: 6,
		Handler: catalog.HandleContent, DeletePolicy: catalog.DeleteManually, Options: catalog.DropFolderOptions{Match: catalog.AddAsNew},
	})
	if err != nil {
		return nil, err
	}
	e.Log("making %d files", n)
	content := make([]byte, folderFileBytes)
	for i := range n {
		name := filepath.Join(d.folder.Path, fmt.Sprint(i/1000), fmt.Sprintf("%06d.mp4", i))
		if i%1000 == 0 {
			if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
				return nil, err
			}
		}
		copy(content, name)
		if err := os.WriteFile(name, content, 0o644); err != nil {
			return nil, err
		}
	}
	return d, nil
}

func (d *dropBench) close() {
	_ = d.store.Close()
	_ = d.db.Close()
}

// copyTree copies the files as cp does, one after the other, and says how long that takes.
func (d *dropBench) copyTree(ctx context.Context) (time.Duration, error) {
	began := time.Now()
	to := filepath.Join(d.dir, "copied")
	if err := os.CopyFS(to, os.DirFS(d.folder.Path)); err != nil {
		return 0, err
	}
	took := time.Since(began)
	return took, ctxErr(ctx, os.RemoveAll(to))
}

func ctxErr(ctx context.Context, err error) error {
	if err != nil {
		return err
	}
	return ctx.Err()
}

// watch starts a watcher, which the returned function ends.
func (d *dropBench) watch() (func(), error) {
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	w, err := dropfolder.New(dropfolder.Config{
		Catalog: d.db, Incoming: filepath.Join(d.dir, "incoming"), Log: log, Sweep: time.Hour,
		Content: &content.Service{Catalog: d.db, Store: d.store, Incoming: filepath.Join(d.dir, "incoming"), Log: log},
		Arrival: func(o ingest.Original) []catalog.NewTask {
			return stage.Arrival(stage.ImportPayload{Path: o.Path, Asset: o.Asset, Key: o.Key, SHA256: o.SHA256})
		},
	})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = w.Run(ctx) // ends with ctx, and has nothing else to say
	}()
	return func() {
		cancel()
		<-ended
	}, nil
}

// progress counts the files that are complete, or further, and those that are entries.
func (d *dropBench) progress(ctx context.Context) (complete, done int, err error) {
	counts, err := d.db.CountDropFolderFiles(ctx, d.folder.ID)
	for status, n := range counts[d.folder.ID] {
		if status != catalog.FileUploading {
			complete += n
		}
		if status == catalog.FileHandled {
			done += n
		}
	}
	return complete, done, err
}

// idleSweep restarts the watcher over files that are all known, and says what CPU and memory a look at them takes beyond the start.
func (d *dropBench) idleSweep(ctx context.Context) (time.Duration, int64, error) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	began := used()
	stop, err := d.watch()
	if err != nil {
		return 0, 0, err
	}
	defer stop()
	stamp := catalog.StampOf(time.Now())
	err = waitFor(ctx, time.Minute, "a sweep", func() bool {
		f, err := d.db.DropFolderByID(ctx, d.folder.ID)
		return err == nil && f.LastAccess > stamp
	})
	took := used() - began
	runtime.GC()
	runtime.ReadMemStats(&after)
	return took, int64(after.HeapAlloc) - int64(before.HeapAlloc), err
}

// used is the CPU time of this process.
func used() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

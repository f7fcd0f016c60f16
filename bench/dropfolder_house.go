package bench

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sluice/catalog"
	"sluice/ingest"
	"sluice/ingest/content"
	"sluice/ingest/dropfolder"
	"sluice/pipeline/stage"
	"sluice/storage/disk"
)

// dropBench is a catalog with drop folders, and a directory for all of it.
type dropBench struct {
	db    *catalog.DB
	store *disk.Store
	dir   string
}

func (e *Env) newDropBench(ctx context.Context, name string) (*dropBench, error) {
	d := &dropBench{dir: filepath.Join(e.Dir, name)}
	var err error
	if d.db, err = openCatalog(ctx, d.dir); err != nil {
		return nil, err
	}
	if d.store, err = disk.Open(filepath.Join(d.dir, "objects")); err != nil {
		return nil, errors.Join(err, d.db.Close())
	}
	for _, a := range []catalog.AccountID{folderAccount, folderOther} {
		if _, _, err = d.db.EnsureAccount(ctx, a, fmt.Sprint("bench ", a)); err != nil {
			return nil, errors.Join(err, d.store.Close(), d.db.Close())
		}
	}
	return d, nil
}

// close removes it all.
func (d *dropBench) close() {
	_ = d.store.Close()
	_ = d.db.Close()
	_ = os.RemoveAll(d.dir)
}

// add makes a folder of an account, whose files become entries by their names.
func (d *dropBench) add(ctx context.Context, account catalog.AccountID, f catalog.DropFolder) (catalog.DropFolder, error) {
	f.Name, f.Type, f.Status, f.Handler = "bench", catalog.DropFolderLocal, catalog.DropFolderEnabled, catalog.HandleContent
	f.Options.Match = catalog.AddAsNew
	if f.Path == "" {
		f.Path = filepath.Join(d.dir, fmt.Sprint("drop-", account))
	}
	return d.db.AddDropFolder(ctx, account, f)
}

// watch starts a watcher, which the returned function ends.
func (d *dropBench) watch(sweep time.Duration) (func(), error) {
	log, incoming := slog.New(slog.DiscardHandler), filepath.Join(d.dir, "incoming")
	w, err := dropfolder.New(dropfolder.Config{
		Catalog: d.db, Incoming: incoming, Log: log, Sweep: sweep, Content: &content.Service{Catalog: d.db, Store: d.store, Incoming: incoming, Log: log},
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
func (d *dropBench) progress(ctx context.Context, folder catalog.DropFolderID) (complete, done int, err error) {
	counts, err := d.db.CountDropFolderFiles(ctx, folder)
	for status, n := range counts[folder] {
		if status != catalog.FileUploading {
			complete += n
		}
		if status == catalog.FileHandled {
			done += n
		}
	}
	return complete, done, err
}

// rows returns the rows of a folder, also those of files that were taken out of it.
func (d *dropBench) rows(ctx context.Context, folder catalog.DropFolderID) ([]catalog.DropFolderFile, error) {
	return d.db.PickDropFolderFiles(ctx, catalog.FilePick{Folder: folder, Statuses: []catalog.DropFolderFileStatus{
		catalog.FileUploading, catalog.FilePending, catalog.FileProcessing, catalog.FileHandled, catalog.FilePurged, catalog.FileErrorHandling,
	}})
}

// swept is what a start and a sweep of a folder cost.
type swept struct {
	cpu         time.Duration
	sweep       time.Duration // of the sweep alone, by the clock
	grown, peak int64         // resident memory, bytes
}

// sweep starts a watcher over a folder, and lets it look at it once.
func (d *dropBench) sweep(ctx context.Context, folder catalog.DropFolderID) (swept, error) {
	runtime.GC()
	debug.FreeOSMemory()
	resetPeak()
	before, began, took := resident("VmRSS"), used(), sweepSeconds()
	stop, err := d.watch(time.Hour)
	if err != nil {
		return swept{}, err
	}
	defer stop()
	stamp := catalog.StampOf(time.Now())
	err = waitEvery(ctx, 50*time.Millisecond, 10*time.Minute, "a sweep", func() bool {
		f, err := d.db.DropFolderByID(ctx, folder)
		return err == nil && f.LastAccess > stamp
	})
	s := swept{cpu: used() - began, sweep: time.Duration((sweepSeconds() - took) * float64(time.Second)), peak: peak()}
	s.grown = max(s.peak-before, 0)
	return s, err
}

// sweepSeconds is the time of all sweeps so far, as the product counts it.
func sweepSeconds() float64 {
	families, err := prometheus.DefaultGatherer.Gather()
	if err != nil {
		return 0
	}
	for _, f := range families {
		if f.GetName() == "sluice_ingest_dropfolder_sweep_seconds" {
			return f.GetMetric()[0].GetHistogram().GetSampleSum()
		}
	}
	return 0
}

// used is the CPU time of this process.
func used() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return cpu(u)
}

// peak is the most memory that this process had since resetPeak, bytes.
func peak() int64 { return resident("VmHWM") }

// resetPeak lets the kernel forget the most memory that this process had (proc(5), clear_refs).
func resetPeak() { _ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) }

// resident is a line of this process's memory, bytes.
func resident(line string) int64 {
	var kb int64
	if _, err := fmt.Sscan(strings.TrimSpace(field("/proc/self/status", line)), &kb); err != nil {
		return 0
	}
	return kb << 10
}

package bench

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"sluice/catalog"
)

// folderLatency measures from the close of a file, and from its rename into place, to its row that says it is complete.
func folderLatency(ctx context.Context, e *Env, emit func(Result)) error {
	d, err := e.newDropBench(ctx, "latency")
	if err != nil {
		return err
	}
	defer d.close()
	folder, err := d.add(ctx, folderAccount, catalog.DropFolder{DeletePolicy: catalog.DeleteManually})
	if err != nil {
		return err
	}
	stop, err := d.watching(ctx, folder)
	if err != nil {
		return err
	}
	defer stop()
	for _, way := range []struct {
		name     string
		moved    bool
		p50, p99 float64
		gate     string
	}{
		{"dropfolder-close", false, 2.5, 4, "≤ 2.5 s, p99 ≤ 4 s"},
		{"dropfolder-moved", true, 1, 1, "≤ 1 s"},
	} {
		waits, err := d.arrive(ctx, folder, e.rounds(200, 40), way.moved, func(f catalog.DropFolderFile) catalog.Stamp { return f.UploadEnd })
		if err != nil {
			return err
		}
		emit(least(way.name+"-p50", "what is wanted", "s", at(waits, 50).Seconds(), way.p50, way.gate))
		emit(least(way.name+"-p99", "what is wanted", "s", at(waits, 99).Seconds(), way.p99, way.gate))
	}
	return nil
}

// folderFairness measures the same way of another account's files to entries, alone and while one has very many.
func folderFairness(ctx context.Context, e *Env, emit func(Result)) error {
	d, err := e.newDropBench(ctx, "fair")
	if err != nil {
		return err
	}
	defer d.close()
	other, err := d.add(ctx, folderOther, catalog.DropFolder{DeletePolicy: catalog.DeleteManually})
	if err != nil {
		return err
	}
	stop, err := d.watching(ctx, other)
	if err != nil {
		return err
	}
	defer stop()
	entered := func(f catalog.DropFolderFile) catalog.Stamp { return f.ImportEnd }
	alone, err := d.arrive(ctx, other, e.rounds(100, 30), true, entered)
	if err != nil {
		return err
	}
	flood, n := filepath.Join(d.dir, "drop-flood"), e.rounds(20_000, 5_000)
	if err := fill(flood, n, make([]byte, folderFileBytes)); err != nil {
		return err
	}
	many, err := d.add(ctx, folderAccount, catalog.DropFolder{SizeInterval: 6, DeletePolicy: catalog.DeleteManually, Path: flood})
	if err != nil {
		return err
	}
	beside, err := d.arrive(ctx, other, e.rounds(100, 30), true, entered)
	if err != nil {
		return err
	}
	_, done, err := d.progress(ctx, many.ID)
	if err != nil {
		return err
	}
	e.Log("%d of the %d other files were entries by the end", done, n)
	emit(least("dropfolder-fair-p99", "the same account alone", "s", at(beside, 99).Seconds(), at(alone, 99).Seconds(), "≤ 2 s more"))
	return nil
}

// watching starts a watcher, and waits until it has looked at the folder: what comes then is told of by the kernel.
func (d *dropBench) watching(ctx context.Context, folder catalog.DropFolder) (func(), error) {
	stamp := catalog.StampOf(time.Now())
	stop, err := d.watch(time.Minute)
	if err != nil {
		return nil, err
	}
	err = waitFor(ctx, time.Minute, "the folder to be watched", func() bool {
		f, err := d.db.DropFolderByID(ctx, folder.ID)
		return err == nil && f.LastAccess > stamp
	})
	if err != nil {
		stop()
		return nil, err
	}
	return stop, nil
}

// arrive drops files, one after the other, and returns, sorted, how long it was from each to the time that its row has.
func (d *dropBench) arrive(ctx context.Context, folder catalog.DropFolder, n int, moved bool, when func(catalog.DropFolderFile) catalog.Stamp) ([]time.Duration, error) {
	dropped := map[string]time.Time{}
	for i := range n {
		name := fmt.Sprintf("%d-%04d.mp4", time.Now().UnixNano(), i)
		at := filepath.Join(folder.Path, name)
		if moved {
			at = filepath.Join(folder.Path, ".arriving")
		}
		if err := os.WriteFile(at, []byte(name), 0o644); err != nil {
			return nil, err
		}
		if moved {
			if err := os.Rename(at, filepath.Join(folder.Path, name)); err != nil {
				return nil, err
			}
		}
		dropped[name] = time.Now()
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
	var waits []time.Duration
	err := waitEvery(ctx, 200*time.Millisecond, 10*time.Minute, "the files to be complete", func() bool {
		rows, err := d.rows(ctx, folder.ID)
		if err != nil {
			return false
		}
		waits = waits[:0]
		for _, r := range rows {
			if from, ok := dropped[r.Path]; ok && when(r) > 0 {
				waits = append(waits, when(r).Time().Sub(from))
			}
		}
		return len(waits) == n
	})
	slices.Sort(waits)
	return waits, err
}

// at returns a percentile of what is sorted.
func at(sorted []time.Duration, percent int) time.Duration {
	return sorted[min(len(sorted)*percent/100, len(sorted)-1)]
}

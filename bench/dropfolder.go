package bench

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"sluice/catalog"
)

// Sizes of the folder that is measured.
const (
	folderFiles     = 100_000
	folderQuick     = 15_000
	folderFileBytes = 1 << 10
)

// The accounts of the benchmark: one with very many files, and another one.
const (
	folderAccount catalog.AccountID = 101
	folderOther   catalog.AccountID = 102
)

// runDropFolder lets watchers take files in, small and large, and compares with the tools that copy, move and list the same trees. Entries
// wait for their import: what is measured is the door.
func runDropFolder(ctx context.Context, e *Env, emit func(Result)) error {
	for _, part := range []func(context.Context, *Env, func(Result)) error{folderSmall, folderNames, folderLatency, folderFairness, folderRename, folderCopy} {
		if err := part(ctx, e, emit); err != nil {
			return err
		}
	}
	return nil
}

// one is the result of a single pair of which more is better.
func one(name, peer, unit string, ours, theirs float64, gate string) Result {
	r := ours / theirs
	return Result{Bench: name, Peer: peer, Unit: unit, Ours: ours, Theirs: theirs, Ratio: r, Min: r, Max: r, Runs: 1, Gate: gate}
}

// least is the result of a single pair of which less is better.
func least(name, peer, unit string, ours, theirs float64, gate string) Result {
	r := one(name, peer, unit, ours, theirs, gate)
	r.Ratio = theirs / ours
	r.Min, r.Max = r.Ratio, r.Ratio
	return r
}

// folderSmall takes a tree of small files in that were there before the watcher, and then looks at what it knows.
func folderSmall(ctx context.Context, e *Env, emit func(Result)) error {
	n := e.rounds(folderFiles, folderQuick)
	d, err := e.newDropBench(ctx, "small")
	if err != nil {
		return err
	}
	defer d.close()
	folder, err := d.add(ctx, folderAccount, catalog.DropFolder{SizeInterval: 6, DeletePolicy: catalog.DeleteManually})
	if err != nil {
		return err
	}
	e.Log("making %d files", n)
	if err := fill(folder.Path, n, make([]byte, folderFileBytes)); err != nil {
		return err
	}
	copied, err := timed(ctx, nil, "cp", "-r", folder.Path, filepath.Join(d.dir, "copied"))
	if err != nil {
		return err
	}
	began, cpu := time.Now(), used()
	stop, err := d.watch(time.Hour)
	if err != nil {
		return err
	}
	var detected, entered time.Duration
	err = waitEvery(ctx, 200*time.Millisecond, time.Hour, "the files to become entries", func() bool {
		seen, done, err := d.progress(ctx, folder.ID)
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
	thousand := func(t time.Duration) float64 { return t.Seconds() * 1000 / float64(n) }
	const peer = "cp -r, not synced"
	emit(one("dropfolder-detect", peer, "files/s", rate(detected), rate(copied.wall), "≥ 5000 files/s"))
	emit(one("dropfolder-entries", peer, "files/s", rate(entered), rate(copied.wall), "≥ 300 entries/s"))
	emit(least("dropfolder-entries-cpu", peer, "CPU s/1000 files", thousand(used()-cpu), thousand(copied.cpu), ""))
	return e.idleSweep(ctx, d, folder, emit)
}

// idleSweep restarts the watcher over files that are all known. The sweep is one goroutine's work, by the clock; what a start takes
// with it, which reads all rows, is told beside.
func (e *Env) idleSweep(ctx context.Context, d *dropBench, folder catalog.DropFolder, emit func(Result)) error {
	found, err := timed(ctx, nil, "find", folder.Path, "-type", "f", "-fprintf", "/dev/null", "%s %T@ %i\n")
	if err != nil {
		return err
	}
	s, err := d.sweep(ctx, folder.ID)
	if err != nil {
		return err
	}
	emit(least("dropfolder-sweep", "find -printf", "s", s.sweep.Seconds(), found.wall.Seconds(), "≤ 0.5 s at 100,000 files"))
	emit(least("dropfolder-start-cpu", "find -printf", "CPU s", s.cpu.Seconds(), found.cpu.Seconds(), ""))
	emit(least("dropfolder-sweep-memory", "what is wanted", "MiB", float64(s.grown)/(1<<20), 64, "≤ 64 MiB"))
	return nil
}

// folderNames sweeps one directory of very many empty files, which are refused but known.
func folderNames(ctx context.Context, e *Env, emit func(Result)) error {
	n := e.Names
	if n == 0 {
		n = e.rounds(200_000, 20_000)
	}
	d, err := e.newDropBench(ctx, "names")
	if err != nil {
		return err
	}
	defer d.close()
	folder, err := d.add(ctx, folderAccount, catalog.DropFolder{SizeInterval: 6, DeletePolicy: catalog.DeleteManually})
	if err != nil {
		return err
	}
	e.Log("making %d names in one folder", n)
	if err := os.MkdirAll(folder.Path, 0o755); err != nil {
		return err
	}
	for i := range n {
		if err := os.WriteFile(filepath.Join(folder.Path, fmt.Sprintf("name-%07d.mp4", i)), nil, 0o644); err != nil {
			return err
		}
	}
	stop, err := d.watch(time.Hour)
	if err != nil {
		return err
	}
	resetPeak()
	began := time.Now()
	err = waitEvery(ctx, time.Second, time.Hour, "the names to be known", func() bool {
		seen, _, err := d.progress(ctx, folder.ID)
		return err == nil && seen == n
	})
	e.Log("%d names judged after %v; at most %d MiB", n, time.Since(began), peak()>>20)
	first := peak()
	stop()
	if err != nil {
		return err
	}
	found, err := timed(ctx, nil, "find", folder.Path, "-type", "f", "-fprintf", "/dev/null", "%s %T@ %i\n")
	if err != nil {
		return err
	}
	s, err := d.sweep(ctx, folder.ID)
	if err != nil {
		return err
	}
	name := fmt.Sprintf("dropfolder-names-%dk", n/1000)
	emit(least(name, "find -printf", "s", s.sweep.Seconds(), found.wall.Seconds(), "≤ 5 s at a million"))
	emit(least(name+"-memory", "what is wanted", "MiB", float64(max(first, s.peak))/(1<<20), 512, "≤ 512 MiB"))
	return nil
}

// fill makes files of a content, a thousand a directory.
func fill(dir string, n int, content []byte) error {
	content = append([]byte(nil), content...)
	for i := range n {
		name := filepath.Join(dir, fmt.Sprint(i/1000), fmt.Sprintf("%06d.mp4", i))
		if i%1000 == 0 {
			if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
				return err
			}
		}
		copy(content, name)
		if err := os.WriteFile(name, content, 0o644); err != nil {
			return err
		}
	}
	return nil
}

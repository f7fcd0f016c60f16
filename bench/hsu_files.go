package bench

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"sluice/bench/link"
	"sluice/catalog"
)

// The folder of small files.
const (
	smallFiles = 10_000
	smallBytes = 20 << 10
	smallLoss  = 0.01
)

// runHSUFiles sends a folder of small files to a drop folder, over a line that loses, and compares with one curl that sends the same
// files one after the other over one connection.
func runHSUFiles(ctx context.Context, e *Env, emit func(Result)) error {
	curl, err := tool("curl")
	if err != nil {
		return err
	}
	return e.onLine(ctx, lineDelay, func(line *link.Link) error {
		line.SetLoss(smallLoss)
		f, err := e.startFar(ctx, line)
		if err != nil {
			return err
		}
		defer f.close()
		folder, err := f.addFolder(ctx)
		if err != nil {
			return err
		}
		names, err := f.makeFiles()
		if err != nil {
			return err
		}
		busy, at := busyTime(), time.Now()
		u, err := f.upload(ctx, e, time.Minute, "-r", "--folder", fmt.Sprint(folder.ID), filepath.Join(f.dir, "small"))
		if err != nil {
			return err
		}
		used := busyShare(busy, time.Since(at))
		if u.files != smallFiles {
			return fmt.Errorf("%d of %d files came in %v", u.files, smallFiles, u.elapsed)
		}
		r := Result{Bench: "hsu-files", Peer: "curl, one connection, CUBIC", Unit: "Mbit/s", Runs: 1, Ours: mbit(u.bytes, u.elapsed)}
		if r.Theirs, err = f.curl(ctx, curl, "--config", names); err != nil {
			return err
		}
		r.Ratio = r.Ours / max(r.Theirs, 0.001)
		r.Min, r.Max = r.Ratio, r.Ratio
		e.Log("%d files of %d KiB at %g %% loss: %.2f s from start to end, %.0f files/s, %.0f Mbit/s, %.1f %% of what can come through (the "+
			"target is 60 %%); curl %.1f; the machine's processors were %.0f %% busy", smallFiles, smallBytes>>10, 100*smallLoss, u.elapsed.Seconds(),
			smallFiles/u.elapsed.Seconds(), r.Ours, 100*r.Ours/(lineRate/1e6*payload*(1-smallLoss)), r.Theirs, 100*used)
		emit(r)
		return nil
	})
}

func (f *far) addFolder(ctx context.Context) (catalog.DropFolder, error) {
	data := filepath.Join(f.dir, "data")
	db, err := openCatalog(ctx, data)
	if err != nil {
		return catalog.DropFolder{}, err
	}
	defer db.Close()
	return quietFolder(ctx, db, data, "small")
}

// makeFiles makes the files, and a configuration for curl that names them.
func (f *far) makeFiles() (string, error) {
	b := make([]byte, smallBytes)
	var names strings.Builder
	for i := range smallFiles {
		name := filepath.Join(f.dir, "small", fmt.Sprint(i/1000), fmt.Sprintf("%06d.mp4", i))
		if i%1000 == 0 {
			if err := os.MkdirAll(filepath.Dir(name), 0o750); err != nil {
				return "", err
			}
		}
		copy(b, name)
		if err := os.WriteFile(name, b, 0o600); err != nil {
			return "", err
		}
		fmt.Fprintf(&names, "upload-file = %q\nurl = %q\n", name, sinkURL)
	}
	config := filepath.Join(f.dir, "curl.conf")
	return config, os.WriteFile(config, []byte(names.String()), 0o600)
}

package dropfolder

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"sluice/catalog"
	"sluice/ingest"
	"sluice/ingest/content"
	"sluice/pipeline/stage"
	"sluice/storage/disk"
)

// A child is this test's program that watches the folder of a house, and kills itself at a step.
const childDir = "DROPFOLDER_TEST_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		if err := watchAsChild(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func watchAsChild(dir string) error {
	ctx := context.Background()
	db, err := catalog.Open(ctx, "sqlite://"+filepath.Join(dir, "catalog.db"))
	if err != nil {
		return err
	}
	store, err := disk.Open(filepath.Join(dir, "objects"))
	if err != nil {
		return err
	}
	point := os.Getenv("DROPFOLDER_TEST_STEP")
	left, err := strconv.Atoi(os.Getenv("DROPFOLDER_TEST_COUNT"))
	if err != nil {
		return err
	}
	count := atomic.Int64{}
	log := slog.New(slog.DiscardHandler)
	w, err := New(Config{
		Catalog: db, Incoming: filepath.Join(dir, "incoming"), Log: log, Sweep: 100 * time.Millisecond, settle: 6 * time.Millisecond, lease: time.Second, batch: 32,
		Content: &content.Service{Catalog: db, Store: store, Incoming: filepath.Join(dir, "incoming"), Log: log},
		Arrival: func(o ingest.Original) []catalog.NewTask {
			return stage.Arrival(stage.ImportPayload{Path: o.Path, Asset: o.Asset, Key: o.Key, SHA256: o.SHA256})
		},
		step: func(at string) {
			if at == point && count.Add(1) == int64(left) {
				_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
				select {}
			}
		},
	})
	if err != nil {
		return err
	}
	return w.Run(ctx)
}

// TestKilledAtEveryStepNothingIsLostAndNothingComesTwice lets one watcher after the other die, each further on, and the last one finish.
func TestKilledAtEveryStepNothingIsLostAndNothingComesTwice(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	for name, change := range map[string]func(*catalog.DropFolder){
		"moved":  func(*catalog.DropFolder) {},
		"copied": func(f *catalog.DropFolder) { f.DeletePolicy = catalog.DeleteManually },
		"matched": func(f *catalog.DropFolder) {
			f.Options.Match = catalog.MatchOrAdd
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t, change)
			const n = 60
			var target catalog.EntryID
			if name == "matched" {
				target = h.entry("f007", catalog.EntryNoContent)
			}
			for i := range n {
				h.write(fmt.Sprintf("f%03d.mp4", i), fmt.Sprint("content ", i))
			}
			for _, step := range []string{"claimed", "renamed", "copied", "taken", "entered"} {
				if step == "renamed" && name == "copied" || step == "copied" && name != "copied" {
					continue
				}
				h.child(step, 1)
				if name == "moved" {
					h.child(step, 2) // further on
				}
			}
			h.cfg.lease = time.Second
			h.start()
			h.until("all files to be handled", func() bool {
				done := 0
				for _, r := range h.rows() {
					if r.Status == purged || r.Status == handled {
						done++
					}
				}
				return done == n
			})
			entries := h.entries()
			for i := range n {
				name, want := fmt.Sprintf("f%03d", i), fmt.Sprint("content ", i)
				if target != "" && i == 7 {
					if got := h.content(target); got != want {
						t.Errorf("the entry that was there has %q", got)
					}
					continue
				}
				if got := entries[name]; len(got) != 1 || got[0] != want {
					t.Errorf("%s: %q", name, got)
				}
			}
			if len(entries) != n {
				t.Errorf("%d entries of %d files", len(entries), n)
			}
			left := 0
			_ = filepath.WalkDir(h.path(""), func(_ string, d fs.DirEntry, _ error) error {
				if d.Type().IsRegular() {
					left++
				}
				return nil
			})
			if (name == "copied") != (left == n) || name != "copied" && left != 0 {
				t.Errorf("%d files are left in the folder", left)
			}
		})
	}
}

// child runs a watcher that is killed at the count-th time it comes to a step, or by us when it has nothing more to do.
func (h *house) child(step string, count int) {
	h.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childDir+"="+h.dir, "DROPFOLDER_TEST_STEP="+step, fmt.Sprint("DROPFOLDER_TEST_COUNT=", count))
	var said strings.Builder
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		h.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for {
		select {
		case err := <-ended:
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
				h.Fatalf("the watcher ended with %v: %s", err, said.String())
			}
			return
		case <-time.After(200 * time.Millisecond):
		}
		open := 0
		for _, r := range h.rows() {
			if r.Status != purged && r.Status != handled {
				open++
			}
		}
		if rows := h.rows(); open == 0 && len(rows) > 0 {
			_ = cmd.Process.Kill()
			<-ended
			return
		}
	}
}

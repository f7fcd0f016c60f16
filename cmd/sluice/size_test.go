package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"sluice/catalog"
)

var sizeFiles = flag.Int("size-files", 200, "how many small files TestManyFilesLeaveNothingBehind takes in")

// TestManyFilesLeaveNothingBehind sends many small files through the whole pipeline and looks at what the server still
// holds: goroutines, descriptors and memory are those of a server that did the first quarter of them.
func TestManyFilesLeaveNothingBehind(t *testing.T) {
	src := clip(t, "small.mp4", "-f", "lavfi", "-i", "testsrc2=s=160x120:r=25", "-f", "lavfi", "-i", "sine=sample_rate=48000", "-t", "1",
		"-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac", "-ac", "2")
	s := startServer(t, "--inbox-settle=1s")
	db := s.catalog()
	quarter := *sizeFiles / 4
	send := func(from, to int) {
		for i := from; i < to; i++ {
			drop(t, src, filepath.Join(s.data, "inbox", fmt.Sprintf("small%05d.mp4", i)))
		}
	}
	send(0, quarter)
	s.settle(db, 20*time.Minute, quarter)
	early := s.held(t)
	send(quarter, *sizeFiles)
	entries := s.settle(db, 60*time.Minute, *sizeFiles)
	ready := 0
	for _, e := range entries {
		if e.Status == catalog.EntryReady {
			ready++
		}
	}
	if ready != *sizeFiles || len(entries) != *sizeFiles {
		t.Errorf("%d of %d files ready, %d entries", ready, *sizeFiles, len(entries))
	}
	var late held
	s.eventually(time.Minute, "goroutines and descriptors to fall back", func() bool {
		late = s.held(t)
		return late.goroutines <= early.goroutines+15 && late.descriptors <= early.descriptors+15
	})
	t.Logf("after %d files: %+v; after %d: %+v", quarter, early, *sizeFiles, late)
	if late.resident > early.resident*3/2+64<<20 {
		t.Errorf("memory grew from %d to %d bytes", early.resident, late.resident)
	}
	if left, err := filepath.Glob(filepath.Join(s.data, "incoming", "*")); err != nil || len(left) > 0 {
		t.Errorf("left in incoming: %v (%v)", left, err)
	}
	work := 0
	err := filepath.WalkDir(filepath.Join(s.data, "objects"), func(path string, _ os.DirEntry, err error) error {
		if strings.Contains(path, "/work/") {
			work++
		}
		return err
	})
	if err != nil || work > 0 {
		t.Errorf("%d work objects left (%v)", work, err)
	}
	if dead, _, err := db.DeadTasks(context.Background(), catalog.TaskFilter{Limit: 10}); err != nil || len(dead) > 0 {
		t.Errorf("dead tasks: %v (%v)", dead, err)
	}
}

var longHours = flag.Int("long-hours", 0, "TestALongFilmIsHeldInPieces takes in a film of so many hours; 0 skips it")

// TestALongFilmIsHeldInPieces sends a film of hours through the whole pipeline: what the server holds does not grow with it.
func TestALongFilmIsHeldInPieces(t *testing.T) {
	if *longHours == 0 {
		t.Skip("takes minutes: -long-hours=2 runs it")
	}
	const rate = 12
	seconds := *longHours * 3600
	src := clip(t, "long.mp4", "-f", "lavfi", "-i", fmt.Sprintf("testsrc2=s=320x180:r=%d", rate), "-f", "lavfi", "-i", "sine=sample_rate=48000",
		"-t", strconv.Itoa(seconds), "-c:v", "libx264", "-preset", "ultrafast", "-g", "48", "-c:a", "aac", "-ac", "1", "-b:a", "48k")
	s := startServer(t, "--engine-passthrough=false")
	before := s.held(t)
	db := s.catalog()
	id := s.ingest(false, src)[0].Entry
	var most held
	s.eventually(time.Hour, "the film to be done", func() bool {
		now := s.held(t)
		most = held{max(most.goroutines, now.goroutines), max(most.descriptors, now.descriptors), max(most.resident, now.resident)}
		e, err := db.EntryByID(t.Context(), id)
		return err == nil && (e.Status == catalog.EntryReady || e.Status < 0)
	})
	e, err := db.EntryByID(t.Context(), id)
	if err != nil || e.Status != catalog.EntryReady {
		t.Fatalf("status %d, %s %s, %v", e.Status, e.ErrorCode, e.ErrorText, err)
	}
	if off := e.DurationMS - int64(seconds)*1000; off < -1000 || off > 1000 {
		t.Errorf("lasts %d ms, want %d s", e.DurationMS, seconds)
	}
	tasks, err := db.Tasks(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	for name, packets := range fingerprint(t, s, id) {
		if frames := seconds * rate; strings.HasSuffix(name, "p") && len(packets) != frames {
			t.Errorf("rendition %s has %d frames, want %d", name, len(packets), frames)
		}
	}
	t.Logf("%d h in %v, %d tasks; before: %+v, most: %+v", *longHours, e.ReadyAt.Sub(e.CreatedAt).Round(time.Second), len(tasks), before, most)
	if most.resident > before.resident+256<<20 {
		t.Errorf("memory grew from %d to %d bytes", before.resident, most.resident)
	}
	if most.descriptors > before.descriptors+100 || most.goroutines > before.goroutines+200 {
		t.Errorf("held %+v at most, %+v before", most, before)
	}
	var after held
	s.eventually(time.Minute, "goroutines and descriptors to fall back", func() bool {
		after = s.held(t)
		return after.goroutines <= before.goroutines+15 && after.descriptors <= before.descriptors+15
	})
	checkTidy(t, db, filepath.Join(s.data, "objects"))
}

// held is what a process holds of the machine.
type held struct {
	goroutines  int
	descriptors int
	resident    int64
}

var goroutinesMetric = regexp.MustCompile(`(?m)^go_goroutines (\d+)`)

func (s *server) held(t *testing.T) held {
	t.Helper()
	m := goroutinesMetric.FindSubmatch(s.get("/metrics"))
	if m == nil {
		t.Fatal("no go_goroutines in /metrics")
	}
	var h held
	h.goroutines, _ = strconv.Atoi(string(m[1]))
	pid := s.procs["all"].cmd.Process.Pid
	fds, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		t.Fatal(err)
	}
	h.descriptors = len(fds)
	statm, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		t.Fatal(err)
	}
	pages, _ := strconv.ParseInt(strings.Fields(string(statm))[1], 10, 64)
	h.resident = pages * int64(os.Getpagesize())
	return h
}

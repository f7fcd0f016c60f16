package main

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/catalog"
)

// TestEveryStageWaitsOutAFullVolume fills the volume of the objects before each stage in turn, which is then the only one
// that anybody works on. The task says that storage is full for as long as it is, and goes on when there is room.
func TestEveryStageWaitsOutAFullVolume(t *testing.T) {
	t.Parallel() // half of it is waiting
	src := spoken(t)
	calm := startServer(t, "--engine-passthrough=false")
	want := fingerprint(t, calm, calm.ingest(true, src)[0].Entry)
	calm.stopAll()

	v := newVolume(t, 64<<20)
	s := newServer(t)
	objects := "--storage-url=file://" + v.dir
	s.start("server", "serve", "--worker-roles=api,feeder", objects)
	s.waitReady()
	out, err := s.run("ingest", "--no-wait", objects, src)
	if err != nil {
		t.Fatal(err)
	}
	id := catalog.EntryID(strings.Fields(out)[0])
	db := s.catalog()
	for _, stage := range catalog.Stages() {
		switch stage {
		case catalog.StageFetch, catalog.StageEarly, catalog.StageFollow, catalog.StageScan, catalog.StageClip, catalog.StageAdopt, catalog.StageFinish:
			continue // an ingested file has none but the last of these, which writes nothing
		}
		v.fill(t)
		s.start("worker", "worker", objects, "--engine-passthrough=false", "--worker-stages="+string(stage))
		s.eventually(time.Minute, string(stage)+" to meet a full volume", func() bool {
			task := taskOf(t, db, id, stage, func(task catalog.Task) bool { return task.ErrorCode != "" })
			return task.ErrorCode == "disk_full" && strings.Contains(task.ErrorText, "full")
		})
		v.free(t)
		s.eventually(2*time.Minute, string(stage)+" to be done", func() bool {
			return taskOf(t, db, id, stage, func(task catalog.Task) bool { return task.State != catalog.TaskDone }).ID == 0
		})
		s.stop("worker")
	}
	s.start("worker", "worker", objects, "--worker-stages=finish")
	if e := s.settle(db, time.Minute, 1)[0]; e.Status != catalog.EntryReady || e.ErrorCode != "" {
		t.Errorf("entry has status %d, %s", e.Status, e.ErrorCode)
	}
	if diff := cmp.Diff(want, fingerprintAt(t, db, v.dir, id)); diff != "" {
		t.Errorf("the entry differs from one that always had room:\n%s", diff)
	}
	checkTidy(t, db, v.dir)
}

// TestServerOutlivesAFullDisk fills the one disk that has everything, catalog and queue included, while it works.
func TestServerOutlivesAFullDisk(t *testing.T) {
	t.Parallel() // half of it is waiting
	src := spoken(t)
	v := newVolume(t, 96<<20)
	s := newServer(t)
	s.data = v.dir
	box := t.TempDir()
	s.start("all", "serve", "--engine-passthrough=false", "--engine-span=10s", "--inbox-dir", box)
	s.waitReady()
	db := s.catalog()
	for _, name := range []string{"a.mp4", "b.mp4", "c.mp4"} {
		drop(t, src, filepath.Join(box, name))
	}
	s.eventually(time.Minute, "work to begin", func() bool { return string(s.get("/readyz")) != "" && running(t, db) })
	v.fill(t)
	s.eventually(time.Minute, "the server to say that it is full", func() bool {
		status, b, err := s.tryGet("/readyz")
		return err == nil && status == http.StatusServiceUnavailable && strings.Contains(string(b), "storage is full")
	})
	drop(t, src, filepath.Join(box, "late.mp4"))
	s.eventually(time.Minute, "a file to be kept waiting", func() bool {
		return strings.Contains(s.procs["all"].log.String(), "could not be taken")
	})
	v.free(t)
	for _, e := range s.settle(db, 3*time.Minute, 4) {
		if e.Status != catalog.EntryReady {
			t.Errorf("entry %s: status %d, %s %s", e.Name, e.Status, e.ErrorCode, e.ErrorText)
		}
	}
	checkOncePerFile(t, db, []string{"a.mp4", "b.mp4", "c.mp4", "late.mp4"})
}

// TestNewFilesWaitForTheReserve: below the reserve a door refuses, and says so; what came in before is finished.
func TestNewFilesWaitForTheReserve(t *testing.T) {
	t.Parallel() // half of it is waiting
	src := spoken(t)
	v := newVolume(t, 64<<20)
	s := newServer(t)
	s.data = v.dir
	box := t.TempDir()
	inside := filepath.Join(v.dir, "ballast")
	reserve := "--storage-reserve-bytes=40M"
	run := func(args ...string) (string, error) { return s.run(append(args, reserve)...) }
	s.start("server", "serve", "--worker-roles=api,feeder,inbox", "--inbox-dir", box, reserve)
	s.waitReady()
	if out, err := run("ingest", "--no-wait", src); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if err := os.WriteFile(inside, make([]byte, 25<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := run("ingest", "--no-wait", src)
	if err == nil || !strings.Contains(err.Error(), "keeps in reserve") {
		t.Errorf("below the reserve: %v", err)
	}
	drop(t, src, filepath.Join(box, "waits.mp4"))
	s.eventually(time.Minute, "the inbox to keep the file", func() bool {
		return strings.Contains(s.procs["server"].log.String(), "keeps in reserve")
	})
	db := s.catalog()
	s.start("worker", "worker", reserve)
	if all := s.settle(db, time.Minute, 1); len(all) != 1 || all[0].Status != catalog.EntryReady {
		t.Errorf("what had come in before: %+v", all)
	}
	if err := os.Remove(inside); err != nil {
		t.Fatal(err)
	}
	for _, e := range s.settle(db, 2*time.Minute, 2) {
		if e.Status != catalog.EntryReady {
			t.Errorf("entry %s: status %d, %s", e.Name, e.Status, e.ErrorText)
		}
	}
}

// spoken is a clip that gives every stage something to write: pictures, sound and subtitles.
func spoken(t *testing.T) string {
	t.Helper()
	srt := filepath.Join(t.TempDir(), "en.srt")
	if err := os.WriteFile(srt, []byte("1\n00:00:01,000 --> 00:00:05,000\nGood morning.\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return clip(t, "spoken.mkv", "-f", "lavfi", "-i", "testsrc2=s=320x240:r=25", "-f", "lavfi", "-i", "sine=sample_rate=48000", "-i", srt, "-t", "12",
		"-c:v", "libx264", "-preset", "ultrafast", "-g", "50", "-c:a", "aac", "-ac", "2", "-c:s", "srt")
}

// volume is a small file system of the test's own.
type volume struct{ dir string }

func newVolume(t *testing.T, size int64) volume {
	t.Helper()
	v := volume{t.TempDir()}
	err := syscall.Mount("tmpfs", v.dir, "tmpfs", 0, fmt.Sprint("size=", size))
	if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EACCES) {
		t.Skip("needs the right to mount a tmpfs")
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(v.dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return v
}

func (v volume) ballast() string { return filepath.Join(v.dir, ".sluice-ballast") }

// fill leaves no room, to the last byte.
func (v volume) fill(t *testing.T) {
	t.Helper()
	f, err := os.Create(v.ballast())
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for b := make([]byte, 64<<10); len(b) > 0; {
		if _, err := f.Write(b); errors.Is(err, syscall.ENOSPC) {
			b = b[:len(b)/2]
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

func (v volume) free(t *testing.T) {
	t.Helper()
	if err := os.Remove(v.ballast()); err != nil {
		t.Fatal(err)
	}
}

func running(t *testing.T, db *catalog.DB) bool {
	t.Helper()
	counts, err := db.TaskCounts(t.Context())
	return err == nil && counts[catalog.StageTranscode][catalog.TaskRunning] > 0
}

// taskOf returns the first task of a stage of the entry for which ok holds, or the zero one.
func taskOf(t *testing.T, db *catalog.DB, id catalog.EntryID, stage catalog.Stage, ok func(catalog.Task) bool) catalog.Task {
	t.Helper()
	tasks, err := db.Tasks(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	for _, task := range tasks {
		if task.Stage == stage && ok(task) {
			return task
		}
	}
	return catalog.Task{}
}

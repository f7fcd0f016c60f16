package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sluice/catalog"
	"sluice/pipeline/stage"
)

var (
	dropFiles = flag.Int("drop-files", 200, "how many files TestDropFolderUnderKills drops")
	dropKills = flag.Int("drop-kills", 1, "how often it kills the server; a folder's lease takes 30 s to run out")
)

// TestDropFolderUnderKills drops files into a folder of the real server, which is killed in the middle. In the end each file is
// one entry, whose import has the file's very bytes. No worker runs: the door is what is tried.
func TestDropFolderUnderKills(t *testing.T) {
	if testing.Short() {
		t.Skip("-short leaves out what runs the real server; make test does not")
	}
	s := newServer(t)
	args := []string{"serve", "--worker-roles=api,feeder,inbox", "--dropfolder-sweep=1s"}
	s.start("server", args...)
	s.waitReady()
	db := s.catalog()
	ctx := t.Context()
	folder, err := db.AddDropFolder(ctx, 101, catalog.DropFolder{
		Name: "kills", Type: catalog.DropFolderLocal, Status: catalog.DropFolderEnabled, Path: filepath.Join(s.data, "folders", "101", "in"),
		SizeInterval: 6, Handler: catalog.HandleContent, DeletePolicy: catalog.DeleteAfterImport, Options: catalog.DropFolderOptions{Match: catalog.AddAsNew},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(folder.Path, 0o755); err != nil {
		t.Fatal(err)
	}
	for i := range *dropFiles {
		name := filepath.Join(folder.Path, fmt.Sprintf("f%06d.mp4", i))
		if err := os.WriteFile(name, fmt.Appendf(nil, "content of %d", i), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	poll := time.Millisecond + time.Duration(*dropFiles)*time.Microsecond/2 // a look lists the folder
	for kill := range *dropKills {
		some := (kill + 1) * *dropFiles / (*dropKills + 2)
		for end := time.Now().Add(3 * time.Minute); ; time.Sleep(poll) {
			left, err := os.ReadDir(folder.Path)
			if err != nil || time.Now().After(end) {
				t.Fatalf("%d files are left in the folder, %v", len(left), err)
			}
			if *dropFiles-len(left) >= some {
				break
			}
		}
		time.Sleep(rand.N(100 * poll)) // wherever that may be
		t.Logf("kill %d: the server's memory is %s, at most %s", kill+1, s.status("server", "VmRSS"), s.status("server", "VmHWM"))
		s.kill("server")
		s.start("server", args...)
	}
	deadline := time.Now().Add(5*time.Minute + time.Duration(*dropFiles)*10*time.Millisecond)
	for {
		counts, err := db.CountDropFolderFiles(ctx, folder.ID)
		left, dirErr := os.ReadDir(folder.Path)
		if err == nil && dirErr == nil && len(counts[folder.ID]) == 0 && len(left) == 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("files are left: %v, %d in the folder, %v %v", counts, len(left), err, dirErr)
		}
		time.Sleep(100 * poll)
	}
	t.Logf("at the end: the server's memory is %s, at most %s", s.status("server", "VmRSS"), s.status("server", "VmHWM"))
	s.waitReady()    // one that is only starting would die of the signal
	s.stop("server") // what is compared now stays as it is
	seen := map[string]int{}
	entries, _, err := db.QueryEntries(ctx, 101, catalog.Query{Limit: catalog.Everything})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		tasks, err := db.Tasks(ctx, e.ID)
		if err != nil {
			t.Fatal(err)
		}
		p, err := importOf(tasks)
		if err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(p.Path)
		if err != nil {
			t.Errorf("entry %s (%s): %v", e.ID, e.Name, err)
		}
		var i int
		if _, err := fmt.Sscanf(e.Name, "f%d", &i); err != nil || string(b) != fmt.Sprintf("content of %d", i) {
			t.Errorf("entry %s (%s) has %q", e.ID, e.Name, b)
		}
		seen[e.Name]++
	}
	for name, n := range seen {
		if n != 1 {
			t.Errorf("%s is %d entries", name, n)
		}
	}
	if len(seen) != *dropFiles {
		t.Errorf("%d of %d files became entries", len(seen), *dropFiles)
	}
}

// status is a line of what the kernel says of a process.
func (s *server) status(name, line string) string {
	s.t.Helper()
	s.mu.Lock()
	pid := s.procs[name].cmd.Process.Pid
	s.mu.Unlock()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return err.Error()
	}
	_, rest, _ := strings.Cut(string(b), line+":")
	value, _, _ := strings.Cut(rest, "\n")
	return strings.TrimSpace(value)
}

// importOf is what the import task of an entry is about.
func importOf(tasks []catalog.Task) (p stage.ImportPayload, err error) {
	for _, t := range tasks {
		if t.Stage == catalog.StageImport {
			return p, json.Unmarshal(t.Payload, &p)
		}
	}
	return p, os.ErrNotExist
}

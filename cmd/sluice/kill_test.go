package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/catalog"
)

var killRounds = flag.Int("kill-rounds", 50, "how many random kills TestNothingIsLostUnderKills makes")

// TestNothingIsLostUnderKills kills server, worker and Redis at random moments, alone and together, and empties Redis once,
// while files come in. In the end every file is one ready entry with the frames, keyframes and timestamps of a run that
// nobody disturbed.
func TestNothingIsLostUnderKills(t *testing.T) {
	src := clip(t, "kill.mp4", "-f", "lavfi", "-i", "testsrc2=s=320x240:r=25", "-f", "lavfi", "-i", "sine=sample_rate=48000", "-t", "24",
		"-c:v", "libx264", "-preset", "ultrafast", "-g", "50", "-c:a", "aac", "-ac", "2")
	calm := startServer(t, "--engine-passthrough=false", "--engine-span=10s")
	want := fingerprint(t, calm, calm.ingest(true, src)[0].Entry)
	calm.stopAll()

	s := newServer(t)
	roles := map[string][]string{
		"server": {"serve", "--worker-roles=api,feeder,inbox", "--worker-lease=2s"},
		"worker": {"worker", "--worker-lease=2s", "--engine-passthrough=false", "--engine-span=10s"},
	}
	for name, args := range roles {
		s.start(name, args...)
	}
	s.waitReady()
	db := s.catalog()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 1))
	var files []string
	for i := range *killRounds {
		if i%10 == 0 && len(files) < 5 {
			name := fmt.Sprintf("round%02d.mp4", i)
			drop(t, src, filepath.Join(s.data, "inbox", name))
			files = append(files, name)
		}
		time.Sleep(time.Duration(100+rnd.IntN(500)) * time.Millisecond)
		s.disturb(t, rnd, roles, i == *killRounds/2)
	}
	s.waitReady()
	for _, e := range s.settle(db, 5*time.Minute, len(files)) {
		if e.Status != catalog.EntryReady {
			t.Errorf("entry %s (%s): status %d, %s %s", e.ID, e.Name, e.Status, e.ErrorCode, e.ErrorText)
			continue
		}
		if diff := cmp.Diff(want, fingerprint(t, s, e.ID)); diff != "" {
			t.Errorf("entry %s (%s) differs from the undisturbed run:\n%s", e.ID, e.Name, diff)
		}
	}
	checkOncePerFile(t, db, files)
	checkTidy(t, db, filepath.Join(s.data, "objects"))
	s.checkNothingIncoming(t)
}

// disturb kills one or several of the three processes; what was killed is started again, Redis by whoever misses it.
func (s *server) disturb(t *testing.T, rnd *rand.Rand, roles map[string][]string, empty bool) {
	t.Helper()
	if empty {
		s.emptyRedis(t)
		return
	}
	victims := 1 + rnd.IntN(7) // a bit set of three
	if victims&4 != 0 {
		s.killRedis()
	}
	for i, name := range []string{"server", "worker"} {
		if victims>>i&1 != 0 {
			s.kill(name)
		}
	}
	for i, name := range []string{"server", "worker"} {
		if victims>>i&1 != 0 {
			s.start(name, roles[name]...)
		}
	}
}

// redisProcess returns the id of the private redis-server of this data directory, or 0.
func (s *server) redisProcess() int {
	dirs, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		return 0
	}
	for _, d := range dirs {
		b, err := os.ReadFile(d)
		if err != nil || !bytes.Contains(b, []byte("redis-server")) {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(d)))
		if err != nil {
			continue
		}
		cwd, err := os.Readlink(fmt.Sprintf("/proc/%d/cwd", pid))
		if bytes.Contains(b, []byte(s.data)) || err == nil && strings.HasPrefix(cwd, s.data) {
			return pid
		}
	}
	return 0
}

func (s *server) killRedis() {
	if pid := s.redisProcess(); pid > 0 {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
}

func (s *server) emptyRedis(t *testing.T) {
	t.Helper()
	sock, err := filepath.Glob(filepath.Join(s.data, "redis", "*.sock"))
	if err != nil || len(sock) == 0 {
		t.Log("no Redis socket to empty just now")
		return
	}
	if out, err := exec.Command("redis-cli", "-s", sock[0], "FLUSHALL").CombinedOutput(); err != nil {
		t.Logf("FLUSHALL: %v: %s", err, out)
	}
}

// drop moves a copy of src to path the way a careful sender does: complete, by rename.
func drop(t *testing.T, src, path string) {
	t.Helper()
	b, err := os.ReadFile(src)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	tmp := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".tmp")
	if err := os.WriteFile(tmp, b, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(tmp, path); err != nil {
		t.Fatal(err)
	}
}

func checkOncePerFile(t *testing.T, db *catalog.DB, files []string) {
	t.Helper()
	entries, total, err := db.ListEntries(context.Background(), catalog.EntryFilter{Limit: 500})
	if err != nil {
		t.Fatal(err)
	}
	if total != len(files) {
		t.Errorf("%d entries for %d files", total, len(files))
	}
	var names []string
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name, ".mp4")+".mp4")
	}
	slices.Sort(names)
	if diff := cmp.Diff(files, names); diff != "" {
		t.Errorf("entries by name (-files +entries):\n%s", diff)
	}
}

// fingerprint is what a player would see of every rendition: packet times, durations and keyframes, by rendition name.
func fingerprint(t *testing.T, s *server, id catalog.EntryID) map[string][]string {
	t.Helper()
	return fingerprintAt(t, s.catalog(), filepath.Join(s.data, "objects"), id)
}

// fingerprintAt is fingerprint with the objects at another place.
func fingerprintAt(t *testing.T, db *catalog.DB, objects string, id catalog.EntryID) map[string][]string {
	t.Helper()
	assets, err := db.Assets(context.Background(), id, catalog.AssetFlavor)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]string{}
	for _, a := range assets {
		if a.Original {
			continue
		}
		if a.Status != catalog.AssetReady {
			t.Errorf("rendition %s of %s has status %d", a.Name, id, a.Status)
			continue
		}
		path := filepath.Join(objects, filepath.FromSlash(a.Key))
		b, err := exec.Command("ffprobe", "-v", "error", "-show_entries", "packet=pts,dts,duration,flags", "-of", "csv=p=0", path).CombinedOutput()
		if err != nil {
			t.Fatalf("ffprobe %s: %v\n%s", path, err, b)
		}
		out[a.Name] = strings.Fields(string(b))
	}
	return out
}

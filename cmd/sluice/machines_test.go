package main

import (
	"bytes"
	"flag"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"sluice/catalog"
	"sluice/internal/pgtest"
	"sluice/internal/s3test"
	"sluice/storage/open"
)

// TestTheSameBinaryRunsOnManyMachines plays two machines that share nothing but PostgreSQL, Redis and an S3 bucket: one has
// the doors and the server, the other does the media work. What comes out is read by the reference tool.
func TestTheSameBinaryRunsOnManyMachines(t *testing.T) {
	c := startCluster(t)
	src := clip(t, "film.mp4", "-f", "lavfi", "-i", "testsrc2=s=640x360:r=25", "-f", "lavfi", "-i", "sine=sample_rate=48000", "-t", "8",
		"-c:v", "libx264", "-preset", "ultrafast", "-g", "300", "-c:a", "aac", "-ac", "2")
	front := c.front()
	c.machine("worker", mediaStages)
	out, err := front.run(c.flags("ingest", "--json", src)...)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	id := string(c.onlyReady(front, time.Second))
	for _, path := range []string{
		"/hls/" + id + "/container/fmp4/master.m3u8", "/hls/" + id + "/master.m3u8", "/dash/" + id + "/manifest.mpd", "/mp4/" + id + "/video.mp4",
	} {
		ffmpeg(t, "-i", "http://"+front.addr+path, "-map", "0:v:0", "-map", "0:a:0", "-f", "null", "-")
	}
	if _, err := os.Stat(filepath.Join(front.data, "objects")); err == nil {
		t.Error("the front machine kept objects on its disk")
	}
	c.checkTidy()
}

// TestAMachineThatDiesIsMissed kills one of two machines that encode the same film, or freezes it until the other is done:
// then it wakes up to work that is not its own any more.
func TestAMachineThatDiesIsMissed(t *testing.T) {
	t.Parallel() // half of it is waiting
	t.Run("killed", func(t *testing.T) { loseMachine(t, false) })
	t.Run("frozen", func(t *testing.T) { loseMachine(t, true) })
}

func loseMachine(t *testing.T, wakes bool) {
	c := startCluster(t)
	front, one, two := c.front(), c.machine("one", mediaStages, encodeAnew...), c.machine("two", mediaStages, encodeAnew...)
	if _, err := front.run(c.flags("ingest", "--no-wait", film(t))...); err != nil {
		t.Fatal(err)
	}
	workers := func() map[string]bool {
		tasks, _, err := c.db.ListTasks(t.Context(), catalog.TaskFilter{Stage: catalog.StageTranscode, States: []catalog.TaskState{catalog.TaskRunning}})
		if err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{}
		for _, task := range tasks {
			seen[task.Worker] = true
		}
		return seen
	}
	front.eventually(time.Minute, "both machines to encode", func() bool { return len(workers()) == 2 })
	if wakes {
		one.signal("one", syscall.SIGSTOP)
	} else {
		one.kill("one")
	}
	id := c.onlyReady(front, 4*time.Minute)
	if wakes {
		one.signal("one", syscall.SIGCONT)
		one.stop("one")
	}
	lost := 0
	tasks, err := c.db.Tasks(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	for _, task := range tasks {
		if task.Attempt > 1 {
			lost++
		}
	}
	if lost == 0 {
		t.Error("no task was taken over: the kill met nothing")
	}
	ffmpeg(t, "-i", "http://"+front.addr+"/hls/"+string(id)+"/container/fmp4/master.m3u8", "-map", "0:v:0", "-map", "0:a:0", "-f", "null", "-")
	two.stop("two") // it gives back what it has before the bucket is looked at
	c.checkTidy()
}

var partition = flag.Duration("partition", 8*time.Second, "how long TestRedisThatIsCutOffIsWaitedFor keeps Redis out of reach")

// TestRedisThatIsCutOffIsWaitedFor stops Redis, without closing a connection, while a film is encoded and another comes in.
func TestRedisThatIsCutOffIsWaitedFor(t *testing.T) {
	t.Parallel() // half of it is waiting
	c := startCluster(t)
	front := c.front()
	c.machine("one", mediaStages, encodeAnew...)
	c.machine("two", mediaStages, encodeAnew...)
	src := film(t)
	if _, err := front.run(c.flags("ingest", "--no-wait", src)...); err != nil {
		t.Fatal(err)
	}
	front.eventually(time.Minute, "encoding to begin", func() bool { return running(t, c.db) })
	if err := c.redis.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	if _, err := front.run(c.flags("ingest", "--no-wait", "--name", "another", src)...); err != nil {
		t.Errorf("taking a file in needs Redis: %v", err)
	}
	time.Sleep(*partition)
	if status, b, err := front.tryGet("/readyz"); err != nil || status != http.StatusServiceUnavailable || !strings.Contains(string(b), "redis") {
		t.Errorf("readiness without Redis: %d, %v: %s", status, err, b)
	}
	if err := c.redis.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	all := front.settle(c.db, 3*time.Minute, 2)
	if len(all) != 2 {
		t.Errorf("%d entries of two films", len(all))
	}
	for _, e := range all {
		if e.Status != catalog.EntryReady {
			t.Errorf("entry %s: status %d, %s %s", e.Name, e.Status, e.ErrorCode, e.ErrorText)
		}
		tasks, err := c.db.Tasks(t.Context(), e.ID)
		if err != nil {
			t.Fatal(err)
		}
		for _, task := range tasks {
			if task.State != catalog.TaskDone || task.Attempt-task.Forgiven > 1 {
				t.Errorf("%s %s of %s: %s after %d attempts", task.Stage, task.Name, e.Name, task.State, task.Attempt)
			}
		}
	}
	c.checkTidy()
}

const mediaStages = "--worker-stages=probe,plan,transcode,assemble,thumbs,captions,finish"

// encodeAnew makes several transcode tasks of a film.
var encodeAnew = []string{"--engine-passthrough=false", "--engine-span=10s", "--engine-preset=medium"}

func film(t *testing.T) string {
	t.Helper()
	return clip(t, "film.mp4", "-f", "lavfi", "-i", "testsrc2=s=640x360:r=25", "-f", "lavfi", "-i", "sine=sample_rate=48000", "-t", "60",
		"-c:v", "libx264", "-preset", "ultrafast", "-g", "50", "-c:a", "aac", "-ac", "2")
}

// cluster is what machines share.
type cluster struct {
	t      *testing.T
	bucket string
	shared []string
	db     *catalog.DB
	redis  *exec.Cmd
}

func startCluster(t *testing.T) *cluster {
	t.Helper()
	c := &cluster{t: t, bucket: s3test.Start(t).URL}
	database := pgtest.Start(t)
	addr, redis := startRedis(t)
	c.redis = redis
	c.shared = []string{"--storage-url", c.bucket, "--database-url", database, "--redis-url", "redis://" + addr + "/0", "--worker-lease=3s"}
	var err error
	if c.db, err = catalog.Open(t.Context(), database); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.db.Close() })
	return c
}

func (c *cluster) flags(args ...string) []string { return append(args, c.shared...) }

// front is the machine with the doors.
func (c *cluster) front() *server {
	c.t.Helper()
	s := newServer(c.t)
	s.start("front", c.flags("serve", "--worker-stages=import")...)
	s.waitReady()
	return s
}

// machine is one that only works.
func (c *cluster) machine(name, stages string, flags ...string) *server {
	c.t.Helper()
	s := newServer(c.t)
	s.start(name, c.flags(append([]string{"worker", stages}, flags...)...)...)
	return s
}

// onlyReady waits until the one entry there is is ready.
func (c *cluster) onlyReady(s *server, limit time.Duration) catalog.EntryID {
	c.t.Helper()
	all := s.settle(c.db, limit, 1)
	if len(all) != 1 || all[0].Status != catalog.EntryReady {
		c.t.Fatalf("entries %+v", all)
	}
	return all[0].ID
}

// checkTidy is checkTidy for the bucket.
func (c *cluster) checkTidy() {
	c.t.Helper()
	store, err := open.Store(c.t.Context(), c.bucket, open.Options{})
	if err != nil {
		c.t.Fatal(err)
	}
	defer store.Close()
	var keys []string
	for o, err := range store.List(c.t.Context(), "") {
		if err != nil {
			c.t.Fatal(err)
		}
		keys = append(keys, o.Key)
	}
	checkKeys(c.t, c.db, keys)
}

// startRedis starts a redis-server on a free port of loopback and returns its address.
func startRedis(t *testing.T) (string, *exec.Cmd) {
	t.Helper()
	addr := freeAddress(t)
	_, port, _ := strings.Cut(addr, ":")
	var log bytes.Buffer
	cmd := exec.Command("redis-server", "--port", port, "--bind", "127.0.0.1", "--save", "", "--dir", t.TempDir())
	cmd.Stdout, cmd.Stderr = &log, &log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGCONT)
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
	})
	deadline := time.Now().Add(20 * time.Second)
	for {
		out, err := exec.Command("redis-cli", "-p", port, "ping").CombinedOutput()
		if err == nil && strings.HasPrefix(string(out), "PONG") {
			return addr, cmd
		}
		if time.Now().After(deadline) {
			t.Fatalf("redis-server does not answer: %v %s\n%s", err, out, log.String())
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// ffmpeg runs the reference tool; it fails the test when it prints anything.
func ffmpeg(t *testing.T, args ...string) {
	t.Helper()
	out, err := exec.Command("ffmpeg", append([]string{"-hide_banner", "-nostdin", "-loglevel", "warning", "-y"}, args...)...).CombinedOutput()
	if err != nil || len(bytes.TrimSpace(out)) > 0 {
		t.Fatalf("ffmpeg %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

package main

import (
	"bytes"
	"context"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"sluice/catalog"
	"sluice/internal/pgtest"
	"sluice/internal/s3test"
)

// TestTheSameBinaryRunsOnManyMachines plays two machines that share nothing but PostgreSQL, Redis and an S3 bucket: one has
// the doors and the server, the other does the media work. What comes out is read by the reference tool.
func TestTheSameBinaryRunsOnManyMachines(t *testing.T) {
	bucket := s3test.Start(t).URL
	database := pgtest.Start(t)
	redisURL := "redis://" + startRedis(t) + "/0"
	src := clip(t, "film.mp4", "-f", "lavfi", "-i", "testsrc2=s=640x360:r=25", "-f", "lavfi", "-i", "sine=sample_rate=48000", "-t", "8",
		"-c:v", "libx264", "-preset", "ultrafast", "-g", "300", "-c:a", "aac", "-ac", "2")
	shared := []string{"--storage-url", bucket, "--database-url", database, "--redis-url", redisURL}
	front, back := newServer(t), newServer(t)
	front.start("front", append([]string{"serve", "--worker-stages=import"}, shared...)...)
	front.waitReady()
	back.start("back", append([]string{"worker", "--worker-stages=probe,plan,transcode,assemble,thumbs,captions,finish"}, shared...)...)
	out, err := front.run(append([]string{"ingest", "--json", src}, shared...)...)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	db, err := catalog.Open(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	entries, _, err := db.ListEntries(context.Background(), catalog.EntryFilter{Limit: 10})
	if err != nil || len(entries) != 1 || entries[0].Status != catalog.EntryReady {
		t.Fatalf("entries %+v, %v", entries, err)
	}
	id := string(entries[0].ID)
	for _, path := range []string{
		"/hls/" + id + "/container/fmp4/master.m3u8", "/hls/" + id + "/master.m3u8", "/dash/" + id + "/manifest.mpd", "/mp4/" + id + "/video.mp4",
	} {
		ffmpeg(t, "-i", "http://"+front.addr+path, "-map", "0:v:0", "-map", "0:a:0", "-f", "null", "-")
	}
	if _, err := exec.Command("test", "-e", front.data+"/objects").Output(); err == nil {
		t.Error("the front machine kept objects on its disk")
	}
}

// startRedis starts a redis-server on a free port of loopback and returns its address.
func startRedis(t *testing.T) string {
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
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
	})
	deadline := time.Now().Add(20 * time.Second)
	for {
		out, err := exec.Command("redis-cli", "-p", port, "ping").CombinedOutput()
		if err == nil && strings.HasPrefix(string(out), "PONG") {
			return addr
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

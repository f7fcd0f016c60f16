package redisd_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"sluice/pipeline/redisd"
)

const patience = 30 * time.Second

func TestMain(m *testing.M) {
	if dir := os.Getenv("REDISD_TEST_DIR"); dir != "" {
		os.Exit(holdServer(dir))
	}
	goleak.VerifyTestMain(m)
}

// holdServer is a process that runs a server until its standard input ends.
func holdServer(dir string) int {
	s, err := redisd.Start(context.Background(), redisd.Config{Dir: dir})
	if err != nil {
		println(err.Error())
		return 1
	}
	println("ready")
	_, _ = os.Stdin.Read(make([]byte, 1))
	_ = s.Close()
	return 0
}

func startServer(t *testing.T, dir string) (*redisd.Server, *redis.Client) {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Skip("needs redis-server (Debian: apt install redis-server)")
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	s, err := redisd.Start(ctx, redisd.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	c := redis.NewClient(s.Options())
	t.Cleanup(func() {
		_ = c.Close()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s, c
}

// eventually polls until ok, or fails the test.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not in %v: %s", patience, what)
		}
	}
}

func serverPID(t *testing.T, c *redis.Client) int {
	t.Helper()
	pid := 0
	eventually(t, "the server answers", func() bool {
		info, err := c.Info(t.Context(), "server").Result()
		if err != nil {
			return false
		}
		_, rest, _ := strings.Cut(info, "process_id:")
		pid, err = strconv.Atoi(strings.TrimSpace(strings.SplitN(rest, "\n", 2)[0]))
		return err == nil
	})
	return pid
}

func TestServerIsConfiguredAsPromised(t *testing.T) {
	_, c := startServer(t, t.TempDir())
	for key, want := range map[string]string{
		"port": "0", "appendonly": "yes", "appendfsync": "everysec", "maxmemory-policy": "noeviction", "save": "",
	} {
		got, err := c.ConfigGet(t.Context(), key).Result()
		if err != nil || got[key] != want {
			t.Errorf("%s = %q, %v; want %q", key, got[key], err, want)
		}
	}
}

func TestServerWorksInADirectoryWithALongName(t *testing.T) {
	_, c := startServer(t, filepath.Join(t.TempDir(), strings.Repeat("long/", 40)))
	if err := c.Ping(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
}

func TestDataSurvivesARestart(t *testing.T) {
	dir := t.TempDir()
	s, c := startServer(t, dir)
	if err := c.Set(t.Context(), "k", "v", 0).Err(); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	_, c = startServer(t, dir)
	if got, err := c.Get(t.Context(), "k").Result(); err != nil || got != "v" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestKilledServerIsStartedAgain(t *testing.T) {
	_, c := startServer(t, t.TempDir())
	for range 2 {
		old := serverPID(t, c)
		if err := syscall.Kill(old, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		eventually(t, "a new server answers", func() bool { return serverPID(t, c) != old })
	}
}

func TestProcessesShareOneServerAndTakeItOver(t *testing.T) {
	dir := t.TempDir()
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Skip("needs redis-server")
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "REDISD_TEST_DIR="+dir)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = in.Close() }()
	out, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 1)); err != nil { // it speaks when the server answers
		t.Fatal(err)
	}
	_, c := startServer(t, dir)
	theirs := serverPID(t, c)
	if err := c.Set(t.Context(), "k", "v", 0).Err(); err != nil {
		t.Fatal(err)
	}
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(theirs) + "/stat")
	if err != nil {
		t.Fatal(err)
	}
	_, fields, _ := strings.Cut(string(stat), ") ") // then state and parent: proc(5)
	if f := strings.Fields(fields); len(f) < 2 || f[1] != strconv.Itoa(cmd.Process.Pid) {
		t.Errorf("the server is not the first process's child: %s", stat)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	eventually(t, "this process runs a server", func() bool { return serverPID(t, c) != theirs })
	if got, err := c.Get(t.Context(), "k").Result(); err != nil || got != "v" {
		t.Errorf("after the takeover: %q, %v", got, err)
	}
}

func TestMissingBinaryIsNamed(t *testing.T) {
	_, err := redisd.Start(t.Context(), redisd.Config{Dir: t.TempDir(), Binary: "/nonexistent/redis-server"})
	if !errors.Is(err, redisd.ErrNoBinary) || !strings.Contains(err.Error(), "apt install redis-server") {
		t.Errorf("got %v", err)
	}
}

func TestServerThatCannotStartSaysWhy(t *testing.T) {
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Skip("needs redis-server")
	}
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "appendonlydir"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "appendonlydir", "appendonly.aof.manifest"), []byte("nonsense\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	_, err := redisd.Start(ctx, redisd.Config{Dir: dir})
	if err == nil || ctx.Err() != nil || !strings.Contains(err.Error(), "manifest") {
		t.Errorf("got %v", err)
	}
}

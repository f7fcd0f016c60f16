// Package s3test runs a real S3 server for tests.
package s3test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const (
	module  = "github.com/versity/versitygw/cmd/versitygw"
	version = "v1.8.0"
	bucket  = "objects"
	key     = "sluicetest"
	secret  = "secret/with+odd=characters"
)

// Server is a running S3 server with one empty bucket.
type Server struct {
	// URL opens the bucket: "s3://key:secret@127.0.0.1:port/objects?insecure=1&region=us-east-1".
	URL string
	// Dir is the folder whose files the server serves as the bucket's objects.
	Dir string
	cmd *exec.Cmd
}

// Start runs versitygw on a directory of its own, on loopback, until the test ends. The first use on a machine builds
// it, which takes minutes; where that is impossible the test is skipped.
func Start(t testing.TB) *Server {
	t.Helper()
	binary, err := build(t.Context())
	if err != nil {
		t.Skipf("no S3 server to test with: %s@%s cannot be built: %v", module, version, err)
	}
	root := t.TempDir()
	s := &Server{Dir: filepath.Join(root, bucket)}
	if err := os.Mkdir(s.Dir, 0o750); err != nil {
		t.Fatal(err)
	}
	// The port is free when we look, and most likely still is when the server does.
	for try := range 5 {
		err = s.run(t, binary, root)
		if err == nil {
			return s
		}
		t.Logf("try %d: %v", try, err)
	}
	t.Fatalf("start the S3 server: %v", err)
	return nil
}

func (s *Server) run(t testing.TB, binary, root string) error {
	port, err := freePort()
	if err != nil {
		return err
	}
	addr := fmt.Sprintf("127.0.0.1:%d", port)
	cmd := exec.Command(binary, "--port", addr, "--access", key, "--secret", secret, "--quiet", "posix", root)
	cmd.Env = []string{"HOME=" + root}
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	stop := func() {
		_ = cmd.Process.Kill()
		<-ended
	}
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		select {
		case err := <-ended:
			return fmt.Errorf("it ended: %w: %s", err, out.String())
		default:
		}
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			continue
		}
		_ = conn.Close()
		t.Cleanup(stop)
		s.cmd = cmd
		u := url.URL{
			Scheme: "s3", User: url.UserPassword(key, secret), Host: addr, Path: "/" + bucket,
			RawQuery: "insecure=1&region=us-east-1",
		}
		s.URL = u.String()
		return nil
	}
	stop()
	return errors.New("it does not listen")
}

// Below returns the URL of the part of the bucket below prefix.
func (s *Server) Below(prefix string) string {
	u, err := url.Parse(s.URL)
	if err != nil {
		panic(err) // made above
	}
	u.Path += "/" + prefix
	return u.String()
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// build installs the server into the user's cache folder, once for all tests that run at a time.
func build(ctx context.Context) (string, error) {
	base, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(base, "sluice-test", "bin", "versitygw-"+version)
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return "", err
	}
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o640)
	if err != nil {
		return "", err
	}
	defer lock.Close()
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX); err != nil {
		return "", err
	}
	binary := filepath.Join(dir, "versitygw")
	if _, err := os.Stat(binary); err == nil {
		return binary, nil
	}
	cmd := exec.CommandContext(ctx, "nice", "-n", "15", "go", "install", module+"@"+version)
	cmd.Env = append(os.Environ(), "GOBIN="+dir, "GOFLAGS=-mod=mod")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %s", err, lastLine(string(out)))
	}
	return binary, nil
}

func lastLine(s string) string {
	s = strings.TrimSpace(s)
	return s[strings.LastIndexByte(s, '\n')+1:]
}

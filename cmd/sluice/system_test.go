package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"sluice/catalog"
)

// binary is the sluice that the system tests run, built once.
var binary string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "sluice-system-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	binary = filepath.Join(dir, "sluice")
	out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput()
	if err != nil {
		fmt.Fprintf(os.Stderr, "go build: %v\n%s", err, out)
		os.Exit(1)
	}
	_ = os.Setenv("SLUICE_STORAGE_RESERVE_BYTES", "1") // the machine of a test may have little room
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// server is a sluice of its own: a data directory and the processes on it.
type server struct {
	t    *testing.T
	data string
	addr string
	// program is what start starts, the binary when it is empty; env is what it finds in its environment besides.
	program string
	env     []string

	mu    sync.Mutex
	procs map[string]*process
}

type process struct {
	cmd  *exec.Cmd
	log  *lockedBuffer
	done chan struct{}
}

// lockedBuffer keeps what a process wrote.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// newServer makes a data directory; start starts processes on it.
func newServer(t *testing.T) *server {
	t.Helper()
	s := &server{t: t, data: dataDir(t), addr: freeAddress(t), procs: map[string]*process{}}
	t.Cleanup(s.stopAll)
	return s
}

// dataDir is a temporary directory of a server. Unlike those of testing it may still be written to when the test ends, by what is about
// to: a query that runs out, or a Redis whose server was killed.
func dataDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "sluice-data-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for end := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
			err := os.RemoveAll(dir)
			if err == nil {
				return
			}
			if time.Now().After(end) {
				t.Error(err)
				return
			}
		}
	})
	return dir
}

// startServer starts one process with every role.
func startServer(t *testing.T, flags ...string) *server {
	t.Helper()
	s := newServer(t)
	s.start("all", append([]string{"serve"}, flags...)...)
	s.waitReady()
	return s
}

// given are the ports that freeAddress returned.
var given struct {
	sync.Mutex
	ports map[int]bool
}

// freeAddress returns an address that nobody listens at, once. Its port is below those that the kernel gives to connections, so that none
// takes it before it is used.
func freeAddress(t *testing.T) string {
	t.Helper()
	given.Lock()
	defer given.Unlock()
	if given.ports == nil {
		given.ports = map[int]bool{}
	}
	for range 1000 {
		port := 20_000 + rand.IntN(12_000)
		if given.ports[port] {
			continue
		}
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			continue
		}
		given.ports[port] = true
		defer l.Close()
		return l.Addr().String()
	}
	t.Fatal("no port is free")
	return ""
}

func (s *server) flags() []string { return []string{"--data-dir", s.data, "--http-listen", s.addr} }

func (s *server) start(name string, args ...string) {
	s.t.Helper()
	p := &process{cmd: exec.Command(cmp.Or(s.program, binary), append(args, s.flags()...)...), log: &lockedBuffer{}, done: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = p.log, p.log
	p.cmd.Env = append(append(os.Environ(), "SLUICE_HSU_LISTEN="), s.env...) // its port is fixed; servers that use it are told where
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	go func() {
		_ = p.cmd.Wait()
		close(p.done)
	}()
	s.mu.Lock()
	s.procs[name] = p
	s.mu.Unlock()
}

// kill ends a process with SIGKILL and waits for it.
func (s *server) kill(name string) {
	s.mu.Lock()
	p := s.procs[name]
	s.mu.Unlock()
	if p == nil {
		return
	}
	_ = p.cmd.Process.Kill()
	<-p.done
}

// stop ends a process with SIGTERM and waits for it.
func (s *server) stop(name string) {
	s.t.Helper()
	s.signal(name, syscall.SIGTERM)
	p := s.procs[name]
	<-p.done
	p.checkStopped(s.t, name)
}

// checkStopped holds that a process that was asked to stop took that for success.
func (p *process) checkStopped(t *testing.T, name string) {
	t.Helper()
	if code := p.cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("%s ended with code %d after SIGTERM", name, code)
	}
}

func (s *server) signal(name string, sig syscall.Signal) {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.procs[name].cmd.Process.Signal(sig); err != nil {
		s.t.Fatal(err)
	}
}

// stopAll asks every process to stop, waits, and shows their logs when the test failed.
func (s *server) stopAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	asked := map[string]bool{}
	for name, p := range s.procs {
		asked[name] = p.cmd.Process.Signal(syscall.SIGTERM) == nil
	}
	for name, p := range s.procs {
		select {
		case <-p.done:
			if asked[name] {
				p.checkStopped(s.t, name)
			}
		case <-time.After(30 * time.Second):
			s.t.Errorf("%s did not stop within 30 s of SIGTERM", name)
			_ = p.cmd.Process.Kill()
			<-p.done
		}
		if s.t.Failed() {
			s.t.Logf("log of %s:\n%s", name, lastBytes(p.log.String(), 6000))
		}
	}
	s.procs = map[string]*process{}
}

func lastBytes(s string, n int) string {
	if len(s) > n {
		return "…" + s[len(s)-n:]
	}
	return s
}

func (s *server) waitReady() {
	s.t.Helper()
	s.eventually(60*time.Second, "the server to answer", func() bool {
		status, _, err := s.tryGet("/readyz")
		return err == nil && status == http.StatusOK
	})
}

// eventually polls cond; it fails the test when it does not hold in time, or when every process has ended.
func (s *server) eventually(limit time.Duration, what string, cond func() bool) {
	s.t.Helper()
	deadline := time.Now().Add(limit)
	for !cond() {
		if time.Now().After(deadline) {
			s.t.Fatalf("waited %v for %s", limit, what)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func (s *server) tryGet(path string) (int, []byte, error) {
	res, err := http.Get("http://" + s.addr + path)
	if err != nil {
		return 0, nil, err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	return res.StatusCode, b, err
}

func (s *server) get(path string) []byte {
	s.t.Helper()
	status, b, err := s.tryGet(path)
	if err != nil || status != http.StatusOK {
		s.t.Fatalf("GET %s: status %d, %v: %s", path, status, err, lastBytes(string(b), 300))
	}
	return b
}

// run carries out a sluice command on the server's data and returns its standard output.
func (s *server) run(args ...string) (string, error) { return s.runWith("", args...) }

// runWith is run with something on standard input.
func (s *server) runWith(input string, args ...string) (string, error) {
	var out, errs bytes.Buffer
	cmd := exec.Command(binary, append(args, s.flags()...)...)
	cmd.Stdin = strings.NewReader(input)
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if err != nil {
		err = fmt.Errorf("sluice %s: %w: %s", strings.Join(args, " "), err, lastBytes(errs.String(), 2000))
	}
	return out.String(), err
}

// ingested is a line of `sluice ingest --json`.
type ingested struct {
	Entry     catalog.EntryID `json:"entry"`
	Status    int             `json:"status"`
	ErrorCode string          `json:"error_code"`
	ErrorText string          `json:"error_text"`
	Player    string          `json:"player"`
}

// ingest hands files over and returns a line a file. With wait it returns when they are done.
func (s *server) ingest(wait bool, files ...string) []ingested {
	s.t.Helper()
	args := []string{"ingest", "--json"}
	if !wait {
		args = append(args, "--no-wait")
	}
	out, err := s.run(append(args, files...)...)
	var lines []ingested
	for dec := json.NewDecoder(strings.NewReader(out)); ; {
		var l ingested
		if decErr := dec.Decode(&l); errors.Is(decErr, io.EOF) {
			break
		} else if decErr != nil {
			s.t.Fatalf("output of ingest: %v: %s (%v)", decErr, out, err)
		}
		lines = append(lines, l)
	}
	if len(lines) != len(files) {
		s.t.Fatalf("ingest answered %d lines for %d files: %v", len(lines), len(files), err)
	}
	return lines
}

// catalog opens the server's catalog beside it.
func (s *server) catalog() *catalog.DB {
	s.t.Helper()
	db, err := catalog.Open(context.Background(), "sqlite://"+filepath.Join(s.data, "catalog.db"))
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { db.Close() })
	return db
}

// settle waits until no entry is on its way any more and returns them all.
func (s *server) settle(db *catalog.DB, limit time.Duration, want int) []catalog.Entry {
	s.t.Helper()
	var all []catalog.Entry
	settled := false
	defer func() {
		if !settled {
			s.logUnfinished(db)
		}
	}()
	s.eventually(limit, fmt.Sprintf("%d entries to be done", want), func() bool {
		all = all[:0]
		for {
			page, total, err := db.ListEntries(context.Background(), catalog.EntryFilter{Offset: len(all), Limit: 500})
			if err != nil {
				return false
			}
			all = append(all, page...)
			if len(page) == 0 || len(all) >= total {
				break
			}
		}
		if len(all) < want {
			return false
		}
		for _, e := range all {
			if e.Status != catalog.EntryReady && e.Status >= 0 {
				return false
			}
		}
		return true
	})
	settled = true
	return all
}

// logUnfinished tells what is left of the work when a wait was in vain.
func (s *server) logUnfinished(db *catalog.DB) {
	tasks, _, err := db.ListTasks(context.Background(), catalog.TaskFilter{States: []catalog.TaskState{
		catalog.TaskWaiting, catalog.TaskRunnable, catalog.TaskQueued, catalog.TaskRunning, catalog.TaskDead,
	}, Limit: 30})
	if err != nil {
		s.t.Log("cannot list tasks: ", err)
	}
	now := time.Now()
	for _, t := range tasks {
		s.t.Logf("%s %s of %s: %s, attempt %d by %q, blockers %d, queued %v ago, lease for %v, not before %v, %s", t.Stage, t.Name, t.Entry, t.State,
			t.Attempt, t.Worker, t.Blockers, now.Sub(t.QueuedAt).Round(time.Second), t.LeaseUntil.Sub(now).Round(time.Second),
			t.NotBefore.Sub(now).Round(time.Second), t.ErrorText)
	}
}

// clip makes a source file with the reference tool.
func clip(t *testing.T, name string, args ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	out, err := exec.Command("ffmpeg", append(append([]string{"-hide_banner", "-nostdin", "-loglevel", "error", "-y"}, args...), path)...).CombinedOutput()
	if err != nil {
		t.Fatalf("making %s: %v\n%s", name, err, out)
	}
	return path
}

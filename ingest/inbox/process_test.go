package inbox

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"sluice/catalog"
	"sluice/ingest"
)

// The test binary becomes a process that runs an inbox when childDir is set: a data directory. It answers each line on
// standard input with its status, and ends with its input. childKill makes it kill itself before or after the commit of
// an entry.
const (
	childDir  = "SLUICE_TEST_INBOX_DATA"
	childKill = "SLUICE_TEST_INBOX_KILL"
)

func child() {
	data := os.Getenv(childDir)
	db, err := catalog.Open(context.Background(), "sqlite://"+filepath.Join(data, "catalog.db"))
	if err != nil {
		fmt.Println(err)
		os.Exit(3)
	}
	if _, _, err := db.EnsureAccount(context.Background(), account, "test"); err != nil {
		fmt.Println(err)
		os.Exit(3)
	}
	in := &ingest.Ingester{Catalog: suicidal{db, os.Getenv(childKill)}, Incoming: filepath.Join(data, "incoming"), Arrival: arrival}
	b, err := New(Config{
		Dir: filepath.Join(data, "inbox"), Ingester: in, Account: account, Settle: 50 * time.Millisecond, Sweep: 50 * time.Millisecond,
		firstRetry: 50 * time.Millisecond,
	})
	if err != nil {
		fmt.Println(err)
		os.Exit(3)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- b.Run(ctx) }()
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		if err := json.NewEncoder(os.Stdout).Encode(b.Status()); err != nil {
			os.Exit(3)
		}
	}
	cancel()
	<-ended
	_ = db.Close()
	os.Exit(0)
}

// suicidal is a catalog whose process dies when an entry is made.
type suicidal struct {
	*catalog.DB
	when string
}

func (s suicidal) CreateEntry(ctx context.Context, n catalog.NewEntry, a []catalog.Asset, ts []catalog.NewTask) (
	catalog.Entry, []catalog.Asset, []catalog.Task, error,
) {
	if s.when == "before" {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	}
	e, as, tasks, err := s.DB.CreateEntry(ctx, n, a, ts)
	if s.when == "after" && err == nil {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	}
	return e, as, tasks, err
}

// TestAProcessThatDiesBetweenClaimAndEntryLosesNothing lets several processes in a row die at that point, then runs one
// that does not.
func TestAProcessThatDiesBetweenClaimAndEntryLosesNothing(t *testing.T) {
	for _, when := range []string{"before", "after"} {
		t.Run(when, func(t *testing.T) {
			h := newHouse(t)
			want := map[string]string{}
			for i := range 6 {
				name := fmt.Sprintf("film%d.mov", i)
				h.drop(name, name)
				want["101/"+name] = name
			}
			for range 3 {
				cmd := exec.CommandContext(t.Context(), os.Args[0])
				cmd.Env = append(os.Environ(), childDir+"="+h.data, childKill+"="+when)
				stdin, err := cmd.StdinPipe()
				if err != nil {
					t.Fatal(err)
				}
				defer stdin.Close()
				var out bytes.Buffer
				cmd.Stdout, cmd.Stderr = &out, &out
				err = cmd.Run()
				var exit *exec.ExitError
				if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
					t.Fatalf("the child ended with %v: %s", err, out.String())
				}
			}
			h.start(Config{})
			h.wantTaken(want)
			h.sweeps(3)
			if got := h.taken(); len(got) != len(want) {
				t.Errorf("%d entries for %d files", len(got), len(want))
			}
			folders, err := filepath.Glob(filepath.Join(h.data, "incoming", "*"))
			if err != nil || len(folders) != len(want) {
				t.Errorf("%d incoming folders for %d files: %v", len(folders), len(want), err)
			}
		})
	}
}

// TestWhatMayNotBeReadOrMovedIsTold runs the inbox as a user whom some files and folders are closed to.
func TestWhatMayNotBeReadOrMovedIsTold(t *testing.T) {
	const nobody = 65534
	if os.Geteuid() != 0 {
		t.Skip("only root can become another user")
	}
	base, err := os.MkdirTemp("", "inbox-user-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(base)
	binary := filepath.Join(base, "inbox.test")
	b, err := os.ReadFile(os.Args[0])
	if err := errors.Join(err, os.WriteFile(binary, b, 0o755), os.Chmod(base, 0o755)); err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(base, "data")
	in := func(rel string) string { return filepath.Join(data, "inbox", rel) }
	for dir, mode := range map[string]os.FileMode{"": 0o755, "closed": 0o700, "fixed": 0o755} {
		if err := errors.Join(os.MkdirAll(in(dir), 0o755), os.Chmod(in(dir), mode)); err != nil {
			t.Fatal(err)
		}
	}
	for rel, mode := range map[string]os.FileMode{"good.mov": 0o644, "secret.mov": 0o600, "closed/in.mov": 0o644, "fixed/stays.mov": 0o644} {
		if err := errors.Join(os.WriteFile(in(rel), []byte(rel), 0o600), os.Chmod(in(rel), mode)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(os.Chown(data, nobody, nobody), os.Chown(in(""), nobody, nobody), os.Chown(in("good.mov"), nobody, nobody)); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), binary)
	cmd.Env = append(os.Environ(), childDir+"="+data)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = stdin.Close()
		_ = cmd.Wait()
	}()
	answers := json.NewDecoder(stdout)
	status := func() (s Status) {
		if _, err := fmt.Fprintln(stdin, "status"); err != nil {
			t.Fatal(err)
		}
		if err := answers.Decode(&s); err != nil {
			t.Fatal(err)
		}
		return s
	}
	want := map[string]State{"secret.mov": Waiting, "fixed/stays.mov": Waiting}
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		s := status()
		ok := s.Taken == 1 && s.Problems["closed"] == "permission denied" && len(s.Files) == len(want)
		for _, f := range s.Files {
			ok = ok && f.State == want[f.Path] && f.Why != ""
		}
		if ok {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("status %+v", s)
		}
	}
	for _, rel := range []string{"secret.mov", "closed/in.mov", "fixed/stays.mov"} {
		if b, err := os.ReadFile(in(rel)); string(b) != rel {
			t.Errorf("%s holds %q, %v", rel, b, err)
		}
	}
}

package worker_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"sluice/codec"
	"sluice/codec/worker"
)

func openFiles(t *testing.T) int {
	t.Helper()
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(fds)
}

func TestCancellationAtAnyMomentLeavesNothingBehind(t *testing.T) {
	before := openFiles(t)
	p := worker.New(worker.Config{AllowFaults: true, Grace: 300 * time.Millisecond})
	src := fileSource(t)
	cause := errors.New("the entry was deleted")
	for i := range 30 {
		ctx, cancel := context.WithCancelCause(t.Context())
		job := codec.Job{Plan: script{Samples: 20_000, Size: 4000, Slow: true}.plan()}
		if i%5 == 4 {
			job.Fault = "hang" // must be killed
		}
		timer := time.AfterFunc(time.Duration(rand.Int64N(int64(60*time.Millisecond))), func() { cancel(cause) })
		_, err := p.Run(ctx, src, job, &recorder{})
		timer.Stop()
		cancel(nil)
		if codec.CodeOf(err) != codec.Cancelled || !errors.Is(err, context.Canceled) || !errors.Is(err, cause) {
			t.Fatalf("run %d: %v", i, err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := p.Run(ctx, src, codec.Job{Plan: script{Slow: true}.plan()}, &recorder{}); codec.CodeOf(err) != codec.DeadlineExceeded {
		t.Errorf("deadline: %v", err)
	}
	p.Close()
	if c := childrenOf(os.Getpid()); len(c) > 0 {
		t.Errorf("children left: %v", c)
	}
	if after := openFiles(t); after > before+1 { // the runtime's poller may have come to life
		t.Errorf("%d open files, %d before: %s", after, before, listFiles(t))
	}
}

func listFiles(t *testing.T) string {
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, fd := range fds {
		target, _ := os.Readlink("/proc/self/fd/" + fd.Name())
		fmt.Fprintf(&b, " %s=%s", fd.Name(), target)
	}
	return b.String()
}

func TestChildrenDieWithTheirParent(t *testing.T) {
	parent := exec.Command(os.Args[0])
	parent.Env = append(os.Environ(), "WORKER_TEST_PARENT=1")
	out, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	var pids []string
	for lines := bufio.NewScanner(out); lines.Scan() && lines.Text() != "ready"; {
		pids = append(pids, lines.Text())
	}
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	parent.Wait()
	if len(pids) < 2 {
		t.Fatalf("children %v, want one at work and one idle at least", pids)
	}
	deadline := time.Now().Add(20 * time.Second)
	for _, pid := range pids {
		for {
			b, err := os.ReadFile("/proc/" + pid + "/stat")
			if err != nil || strings.Contains(string(b), ") Z ") {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("process %s outlived its parent", pid)
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
}

package sched

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"

	"go.uber.org/goleak"
	"pgregory.net/rapid"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const mb = 1 << 20

// held sums what is granted, from the waiters' side.
func held(ws []*waiter) (tokens int, bytes int64) {
	for _, w := range ws {
		tokens, bytes = tokens+w.tokens, bytes+w.bytes
	}
	return tokens, bytes
}

func TestTokensAndMemoryAreNeverExceeded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		total := rapid.IntRange(1, 16).Draw(t, "tokens")
		budget := int64(rapid.IntRange(100, 4000).Draw(t, "memory")) * mb
		l := newLane(total, budget)
		var live []*waiter
		grant := func() {
			for _, w := range l.dispatch() {
				if w.tokens < w.ask.Min || w.tokens > w.ask.Max {
					t.Fatalf("granted %d of %d to %d", w.tokens, w.ask.Min, w.ask.Max)
				}
				live = append(live, w)
			}
		}
		asked := 0
		for range rapid.IntRange(1, 80).Draw(t, "steps") {
			switch rapid.IntRange(0, 3).Draw(t, "step") {
			case 0, 1:
				l.add(Ask{
					Job: fmt.Sprint(rapid.IntRange(0, 4).Draw(t, "job")), Class: Class(rapid.IntRange(-1, 1).Draw(t, "class")),
					Min: rapid.IntRange(0, 20).Draw(t, "min"), Max: rapid.IntRange(0, 20).Draw(t, "max"),
					LaneBytes: int64(rapid.IntRange(1, 1500).Draw(t, "lane")) * mb, JobBytes: int64(rapid.IntRange(0, 700).Draw(t, "once")) * mb,
				})
				asked++
			case 2:
				if len(live) > 0 {
					i := rapid.IntRange(0, len(live)-1).Draw(t, "release")
					l.release(live[i])
					live = append(live[:i], live[i+1:]...)
				}
			case 3:
				if len(l.waiting) > 0 {
					l.remove(l.waiting[rapid.IntRange(0, len(l.waiting)-1).Draw(t, "withdraw")])
					asked--
				}
			}
			grant()
			tokens, bytes := held(live)
			if tokens+l.free != total || l.free < 0 || bytes != l.reserved {
				t.Fatalf("%d held and %d free of %d; %d bytes of %d recorded", tokens, l.free, total, bytes, l.reserved)
			}
			if bytes > budget && len(live) > 1 {
				t.Fatalf("%d bytes reserved by %d leases, budget %d", bytes, len(live), budget)
			}
			if len(live) == 0 && len(l.waiting) > 0 {
				t.Fatalf("nothing runs, but %d wait", len(l.waiting))
			}
		}
		// Everyone is served in the end.
		for len(l.waiting) > 0 || len(live) > 0 {
			if len(live) == 0 {
				t.Fatalf("%d starve", len(l.waiting))
			}
			l.release(live[0])
			live = live[1:]
			grant()
		}
		if l.free != total || l.reserved != 0 || len(l.jobs) != 0 {
			t.Fatalf("at the end %d free of %d, %d bytes, %d jobs", l.free, total, l.reserved, len(l.jobs))
		}
	})
}

func TestWaitingJobsGetTheirShare(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		total := rapid.IntRange(1, 32).Draw(t, "tokens")
		k := rapid.IntRange(1, total).Draw(t, "jobs")
		l := newLane(total, 1<<60)
		var ws []*waiter
		for i := range k {
			ws = append(ws, l.add(Ask{Job: fmt.Sprint(i), LaneBytes: 1}))
		}
		l.dispatch()
		for i, w := range ws {
			if w.tokens < total/k {
				t.Fatalf("job %d of %d got %d of %d tokens", i, k, w.tokens, total)
			}
		}
		if k == 1 && ws[0].tokens != total {
			t.Fatalf("a job alone got %d of %d", ws[0].tokens, total)
		}
	})
}

func TestOrderIsClassThenShareThenAge(t *testing.T) {
	l := newLane(1, 1<<60)
	first := l.add(Ask{Job: "running", LaneBytes: 1})
	l.dispatch()
	names := map[*waiter]string{}
	add := func(name, job string, c Class) { names[l.add(Ask{Job: job, Class: c, LaneBytes: 1})] = name }
	add("bulk", "old", Bulk)
	add("more of the running job", "running", Normal)
	add("normal", "old", Normal)
	add("normal, later job", "new", Normal)
	add("interactive", "new", Interactive)
	var got []string
	for w := first; w != nil; {
		l.release(w)
		next := l.dispatch()
		w = nil
		if len(next) > 0 {
			w = next[0]
			got = append(got, names[w])
		}
	}
	want := []string{"interactive", "more of the running job", "normal", "normal, later job", "bulk"}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("served %q, want %q", got, want)
	}
}

func TestAJobOverItsShareLetsOthersPass(t *testing.T) {
	l := newLane(4, 1<<60)
	a := l.add(Ask{Job: "a", Max: 2, LaneBytes: 1})
	l.dispatch()
	b := l.add(Ask{Job: "a", Min: 2, Max: 2, LaneBytes: 1})
	c := l.add(Ask{Job: "c", Max: 2, LaneBytes: 1})
	l.dispatch()
	if a.tokens != 2 || c.tokens != 2 || b.tokens != 0 {
		t.Errorf("tokens %d, %d, %d; want 2, 0, 2", a.tokens, b.tokens, c.tokens)
	}
}

func TestLanesThatDoNotFitAreReduced(t *testing.T) {
	l := newLane(8, 1000*mb)
	w := l.add(Ask{Job: "4k", Width: 3840, Height: 2160, Preset: "veryfast"})
	l.dispatch()
	if w.tokens != 1 {
		t.Errorf("a job whose lane exceeds the budget got %d tokens, want the minimum alone", w.tokens)
	}
	second := l.add(Ask{Job: "small", Width: 640, Height: 360})
	l.dispatch()
	if second.tokens != 0 {
		t.Errorf("a second job was admitted over the budget with %d tokens", second.tokens)
	}
	l.release(w)
	l.dispatch()
	if second.tokens != 8 {
		t.Errorf("small job got %d tokens, want all", second.tokens)
	}
}

func TestAcquireAndRelease(t *testing.T) {
	s := newScheduler(3, 1<<60, 2, 100)
	var mu sync.Mutex
	busy, most := 0, 0
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			l, err := s.Acquire(t.Context(), Ask{Job: fmt.Sprint(i % 7), LaneBytes: 1})
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			busy += l.Tokens()
			most = max(most, busy)
			mu.Unlock()
			mu.Lock()
			busy -= l.Tokens()
			mu.Unlock()
			l.Release()
			l.Release() // harmless
		})
	}
	wg.Wait()
	if most > 3 || most == 0 {
		t.Errorf("%d tokens in use at most, of 3", most)
	}
	if st := s.Stats(); st.Busy != 0 || st.Waiting != 0 || st.Reserved != 0 {
		t.Errorf("after all: %+v", st)
	}
}

func TestWaitingEndsWithTheContext(t *testing.T) {
	s := newScheduler(1, 1<<60, 2, 100)
	l, err := s.Acquire(t.Context(), Ask{Job: "a"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	errs := make(chan error, 1)
	go func() {
		_, err := s.Acquire(ctx, Ask{Job: "b"})
		errs <- err
	}()
	for s.Stats().Waiting == 0 {
		runtime.Gosched()
	}
	cancel()
	if err := <-errs; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if s.Stats().Waiting != 0 {
		t.Error("the ask is still in the queue")
	}
	l.Release()
}

func TestProbesDoNotWaitForWork(t *testing.T) {
	s := newScheduler(1, 1<<60, 2, 100)
	work, err := s.Acquire(t.Context(), Ask{Job: "a"})
	if err != nil {
		t.Fatal(err)
	}
	defer work.Release()
	for range 2 {
		p, err := s.Acquire(t.Context(), Ask{Job: "p", Class: Probe})
		if err != nil {
			t.Fatal(err)
		}
		defer p.Release()
	}
}

func TestFullAndClosed(t *testing.T) {
	s := newScheduler(1, 1<<60, 2, 1)
	l, err := s.Acquire(t.Context(), Ask{Job: "a"})
	if err != nil {
		t.Fatal(err)
	}
	errs := make(chan error, 1)
	go func() {
		_, err := s.Acquire(t.Context(), Ask{Job: "b"})
		errs <- err
	}()
	for s.Stats().Waiting == 0 {
		runtime.Gosched()
	}
	if _, err := s.Acquire(t.Context(), Ask{Job: "c"}); !errors.Is(err, ErrFull) {
		t.Error(err)
	}
	s.Close()
	if err := <-errs; !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
	if _, err := s.Acquire(t.Context(), Ask{Job: "d"}); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
	l.Release()
}

func TestQuotaIsReadFromTheCgroup(t *testing.T) {
	dir := t.TempDir()
	self := filepath.Join(dir, "cgroup")
	group := filepath.Join(dir, "fs", "box")
	if err := os.MkdirAll(group, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(self, []byte("1:name=x:/y\n0::/box\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for content, want := range map[string]int{"max 100000\n": 0, "250000 100000\n": 2, "50000 100000\n": 1, "junk\n": 0, "-5 0\n": 0} {
		if err := os.WriteFile(filepath.Join(group, "cpu.max"), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		if got := quota(self, filepath.Join(dir, "fs")); got != want {
			t.Errorf("%q: %d, want %d", content, got, want)
		}
	}
	if got := quota(filepath.Join(dir, "none"), dir); got != 0 {
		t.Errorf("without a cgroup: %d", got)
	}
}

func TestMachineGivesSomething(t *testing.T) {
	s := New(Config{})
	if s.Tokens() < 1 || s.Stats().Memory <= 0 {
		t.Errorf("%+v", s.Stats())
	}
	if one := New(Config{Tokens: 1}); one.Tokens() != 1 {
		t.Errorf("%d tokens, want the configured 1", one.Tokens())
	}
}

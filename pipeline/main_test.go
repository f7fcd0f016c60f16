package pipeline_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"sluice/catalog"
	"sluice/internal/pgtest"
	"sluice/pipeline"
	"sluice/pipeline/redisd"
)

// patience bounds every wait; nothing comes near it unless it is broken.
const patience = 4 * time.Minute

func TestMain(m *testing.M) {
	if dir := os.Getenv("PIPELINE_TEST_WORKER"); dir != "" {
		os.Exit(workerProcess(dir))
	}
	goleak.VerifyTestMain(m)
}

// rig is a catalog and a Redis of a test's own.
type rig struct {
	t     testing.TB
	dir   string
	db    *catalog.DB
	redis *redis.Client
	log   *slog.Logger
}

func newRig(t testing.TB) *rig {
	t.Helper()
	dir := t.TempDir()
	return newRigAt(t, dir, "sqlite://"+filepath.Join(dir, "catalog.db"))
}

// everyDatabase runs a test on a rig with SQLite and on one with PostgreSQL.
func everyDatabase(t *testing.T, test func(t *testing.T, r *rig)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { test(t, newRig(t)) })
	t.Run("postgres", func(t *testing.T) { test(t, newRigAt(t, t.TempDir(), pgtest.Start(t))) })
}

func newRigAt(t testing.TB, dir, location string) *rig {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Skip("needs redis-server (Debian: apt install redis-server)")
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	r := &rig{t: t, dir: dir, log: slog.New(slog.NewTextHandler(io.Discard, nil))}
	if testing.Verbose() {
		r.log = slog.New(slog.NewTextHandler(os.Stderr, nil))
	}
	var err error
	if r.db, err = catalog.Open(ctx, location); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.db.Close() })
	server, err := redisd.Start(ctx, redisd.Config{Dir: filepath.Join(dir, "redis"), Logger: r.log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	r.redis = redis.NewClient(server.Options())
	t.Cleanup(func() { _ = r.redis.Close() })
	return r
}

// background runs something until the test ends or the returned function is called, which waits for it.
func (r *rig) background(run func(ctx context.Context) error) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			r.t.Error(err)
		}
	})
	r.t.Cleanup(stop)
	return stop
}

func (r *rig) feeder() (stop func()) {
	r.t.Helper()
	f, err := pipeline.NewFeeder(pipeline.FeederConfig{
		Catalog: r.db, Redis: r.redis, Logger: r.log, StaleAfter: time.Second, Poll: 50 * time.Millisecond,
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return r.background(f.Run)
}

func (r *rig) worker(cfg pipeline.WorkerConfig) (stop func()) {
	r.t.Helper()
	cfg.Catalog, cfg.Redis, cfg.Logger = r.db, r.redis, r.log
	if cfg.Grace == 0 {
		cfg.Grace = -1
	}
	if cfg.Backoff.First == 0 {
		cfg.Backoff.First = 10 * time.Millisecond
	}
	w, err := pipeline.NewWorker(cfg)
	if err != nil {
		r.t.Fatal(err)
	}
	return r.background(w.Run)
}

// allStages runs one handler for every stage.
func allStages(concurrency int, h pipeline.HandlerFunc) pipeline.WorkerConfig {
	stages := map[catalog.Stage]pipeline.StageConfig{}
	for _, s := range catalog.Stages() {
		stages[s] = pipeline.StageConfig{Handler: h, Concurrency: concurrency, Lease: 3 * time.Second}
	}
	return pipeline.WorkerConfig{Stages: stages}
}

func (r *rig) entry(account catalog.AccountID, name string, tasks ...catalog.NewTask) (catalog.Entry, []catalog.Task) {
	r.t.Helper()
	if _, _, err := r.db.EnsureAccount(r.t.Context(), account, "test"); err != nil {
		r.t.Fatal(err)
	}
	e, _, made, err := r.db.CreateEntry(r.t.Context(), catalog.NewEntry{Account: account, Name: name}, nil, tasks)
	if err != nil {
		r.t.Fatal(err)
	}
	return e, made
}

// eventually polls until ok, or fails the test.
func (r *rig) eventually(what string, ok func() bool) {
	r.t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			counts, _ := r.db.TaskCounts(context.Background())
			r.t.Fatalf("not in %v: %s; tasks: %v", patience, what, counts)
		}
	}
}

// allEnded waits until no task wants anything.
func (r *rig) allEnded() {
	r.t.Helper()
	r.eventually("all tasks ended", func() bool {
		counts, err := r.db.TaskCounts(r.t.Context())
		if err != nil {
			r.t.Fatal(err)
		}
		for _, states := range counts {
			for state := range states {
				if state != catalog.TaskDead {
					return false
				}
			}
		}
		return true
	})
}

func (r *rig) task(id catalog.TaskID) catalog.Task {
	r.t.Helper()
	task, err := r.db.Task(r.t.Context(), id)
	if err != nil {
		r.t.Fatal(err)
	}
	return task
}

// ledger counts what handlers did, by task.
type ledger struct {
	mu     sync.Mutex
	runs   map[catalog.TaskID]int
	active map[catalog.TaskID]int
	order  []catalog.Task // as they began
	twice  []string       // tasks that ran twice at once
}

func newLedger() *ledger {
	return &ledger{runs: map[catalog.TaskID]int{}, active: map[catalog.TaskID]int{}}
}

func (l *ledger) begin(task catalog.Task) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.runs[task.ID]++
	l.active[task.ID]++
	if l.active[task.ID] > 1 {
		l.twice = append(l.twice, fmt.Sprintf("task %d, attempt %d", task.ID, task.Attempt))
	}
	l.order = append(l.order, task)
}

func (l *ledger) end(task catalog.Task) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.active[task.ID]--
}

func (l *ledger) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.order)
}

// mark makes an asset named after the task when it is done: a second commit of the same task could not hide.
func mark(ctx context.Context, r *pipeline.Run) {
	task := r.Task
	r.Complete(map[string]int{"attempt": task.Attempt}, func(tx *catalog.Tx) error {
		_, err := tx.AddAssets(ctx, task.Entry, []catalog.Asset{{Type: catalog.AssetAttachment, Name: fmt.Sprint(task.ID)}})
		return err
	})
}

// marks returns how many tasks of an entry were committed.
func (r *rig) marks(entry catalog.EntryID) int {
	r.t.Helper()
	assets, err := r.db.Assets(r.t.Context(), entry)
	if err != nil {
		r.t.Fatal(err)
	}
	return len(assets)
}

// diamond is a graph in which b and c wait for a, and d for both.
func diamond() []catalog.NewTask {
	return []catalog.NewTask{
		{Stage: catalog.StagePlan, Name: "a"},
		{Stage: catalog.StageTranscode, Name: "b", After: []int{0}},
		{Stage: catalog.StageTranscode, Name: "c", After: []int{0}},
		{Stage: catalog.StageAssemble, Name: "d", After: []int{1, 2}},
	}
}

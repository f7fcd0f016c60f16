package worker

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"sluice/codec"
)

// Pool runs an engine in caged processes. It implements codec.Engine and is safe for concurrent use. Close it.
type Pool struct {
	cfg     Config
	spawner *spawner
	cgroups cgroups
	jobs    chan struct{} // a slot per running job; full means that Run waits
	probes  chan struct{} // the same for probes, so that they never queue behind jobs

	ctx    context.Context // ends when the pool closes
	cancel context.CancelCauseFunc
	work   sync.WaitGroup // calls and background starts

	mu     sync.Mutex
	closed bool
	idle   map[class][]*process // ready and without work
	begun  map[class]bool       // a spare is being started
	iso    Isolation            // as far as children reported
	known  chan struct{}        // closed when iso is known, or no child could be started
	once   sync.Once
}

var _ codec.Engine = (*Pool)(nil)

// New makes a pool and starts warming it in the background. A binary that cannot start children shows in the first call, and
// in Isolation.
func New(cfg Config) *Pool {
	cfg = cfg.withDefaults()
	p := &Pool{
		cfg: cfg, spawner: newSpawner(cfg.Nice),
		jobs: make(chan struct{}, cfg.Jobs), probes: make(chan struct{}, cfg.Probes),
		idle: map[class][]*process{}, begun: map[class]bool{}, known: make(chan struct{}),
	}
	p.ctx, p.cancel = context.WithCancelCause(context.Background())
	cg, err := findCgroup(cfg.Cgroup)
	if err != nil {
		p.iso.miss("cgroup", err)
	}
	p.cgroups = cg
	if !cfg.NoSpare {
		p.warm(classProbe)
		p.warm(classJob)
	}
	return p
}

// Close stops every call, kills every child and waits for all of it.
func (p *Pool) Close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.cancel(errClosed)
	p.work.Wait()
	p.mu.Lock()
	idle := p.idle
	p.idle = map[class][]*process{}
	p.mu.Unlock()
	for _, list := range idle {
		for _, pr := range list {
			pr.destroy()
		}
	}
	p.spawner.close()
}

// Isolation says how far children are caged. It waits until the first child reported, and starts one if need be.
func (p *Pool) Isolation() Isolation {
	select {
	case <-p.known:
	default:
		p.warm(classProbe)
		select {
		case <-p.known:
		case <-p.ctx.Done():
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.iso.clone()
}

// Probe implements codec.Engine.
func (p *Pool) Probe(ctx context.Context, src codec.Source, opts codec.ProbeOpts) (codec.Info, error) {
	c := &call{pool: p, class: classProbe, source: src, req: request{Probe: opts}}
	err := c.do(ctx)
	return c.info, err
}

// Run implements codec.Engine. A try in which the child died is repeated once, with Job.Safe, if the sink has not seen
// anything yet or has a method Reset() error, which is then called and must forget what was delivered. Sink.Track is called
// when the track's first sample is there. If the source is a Reader, Run returns only when no ReadAt is under way.
func (p *Pool) Run(ctx context.Context, src codec.Source, job codec.Job, sink codec.Sink) (codec.Report, error) {
	if job.Plan.Version != codec.PlanVersion {
		return codec.Report{}, codec.NewError(codec.EngineBug, "worker", fmt.Sprintf("plan version %d, want %d", job.Plan.Version, codec.PlanVersion), nil)
	}
	c := &call{pool: p, class: classJob, source: src, sink: sink, req: request{Run: true, Job: job, Faults: p.cfg.AllowFaults}}
	err := c.do(ctx)
	return c.report, err
}

// SelfTest tries every encoder inside the cage: what works outside may need a call that the cage forbids.
func (p *Pool) SelfTest(ctx context.Context) ([]codec.EncoderStatus, error) {
	src := codec.Source{Reader: bytes.NewReader([]byte{0}), Size: 1} // read by nobody
	rep, err := p.Run(ctx, src, codec.Job{Plan: codec.Plan{Version: codec.PlanVersion}, SelfTest: true}, nil)
	return rep.Encoders, err
}

// enter registers a call, so that Close can wait for it.
func (p *Pool) enter() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return codec.NewError(codec.Cancelled, "worker", "", errClosed)
	}
	p.work.Add(1)
	return nil
}

// take returns a ready process: a warm one if there is, else a new one. The caller gives it back with release.
func (p *Pool) take(c class) (*process, error) {
	p.mu.Lock()
	for n := len(p.idle[c]); n > 0; n = len(p.idle[c]) {
		pr := p.idle[c][n-1]
		p.idle[c] = p.idle[c][:n-1]
		if pr.alive() {
			p.mu.Unlock()
			return pr, nil
		}
		pr.control.Close() // died while idle
		pr.data.Close()
	}
	p.mu.Unlock()
	return p.startKnown(c)
}

// startKnown starts a process and learns from it how far the cage goes.
func (p *Pool) startKnown(c class) (*process, error) {
	pr, err := p.start(c)
	p.learn(pr, err)
	return pr, err
}

func (p *Pool) learn(pr *process, err error) {
	p.once.Do(func() {
		before := p.spawner.isolation()
		p.mu.Lock()
		defer p.mu.Unlock()
		for name, why := range p.iso.Missing {
			before.miss(name, fmt.Errorf("%s", why))
		}
		p.iso = before
		p.iso.Cgroup = p.cgroups.dir != ""
		if err != nil {
			p.iso.miss("start", err)
		} else {
			p.iso.Seccomp = pr.hello.Seccomp
			if !pr.hello.Seccomp {
				p.iso.miss("seccomp", fmt.Errorf("%s", pr.hello.SeccompError))
			}
			p.iso.Rlimits = pr.limits == nil
			if pr.limits != nil {
				p.iso.miss("rlimits", pr.limits)
			}
		}
		p.iso.Level = p.iso.level()
		p.cfg.Log.Info("codec cage", "level", p.iso.Level, "missing", p.iso.Lacking(), "landlock", p.iso.Landlock)
		close(p.known)
	})
}

// warm starts a spare in the background unless there is one, or soon will be: a start costs more than many a job.
func (p *Pool) warm(c class) {
	if p.enter() != nil {
		return
	}
	p.mu.Lock()
	enough := len(p.idle[c]) > 0 || p.begun[c]
	if !enough {
		p.begun[c] = true
	}
	p.mu.Unlock()
	if enough {
		p.work.Done()
		return
	}
	go func() {
		defer p.work.Done()
		defer func() {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.begun[c] = false
		}()
		pr, err := p.startKnown(c)
		if err != nil {
			if p.ctx.Err() == nil {
				p.cfg.Log.Warn("no spare worker process", "class", string(c), "error", err)
			}
			return
		}
		p.keep(pr)
	}()
}

// keep makes pr available to the next call, unless the pool is closing or has enough of its class.
func (p *Pool) keep(pr *process) {
	limit := 1
	if pr.class == classProbe {
		limit = p.cfg.Probes
	}
	p.mu.Lock()
	ok := !p.closed && len(p.idle[pr.class]) < limit && pr.alive()
	if ok {
		p.idle[pr.class] = append(p.idle[pr.class], pr)
	}
	p.mu.Unlock()
	if !ok {
		pr.dismiss(p.cfg.Grace)
	}
}

// openPath opens a local source: a regular file, read only.
func openPath(path string) (*os.File, int64, error) {
	st, err := os.Stat(path) // before opening: opening a pipe or a device can block
	if err != nil {
		return nil, 0, err
	}
	if !st.Mode().IsRegular() {
		return nil, 0, fmt.Errorf("open %q: not a regular file", filepath.Base(path))
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	return f, st.Size(), nil
}

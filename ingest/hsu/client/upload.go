package client

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"sluice/ingest/hsu"
)

// maxVain bounds the upload sessions that end one after the other though nothing came: something on the way sends each request to
// another machine.
const maxVain = 5

// declareAtOnce bounds the requests that declare files, so that a long line does not wait for each.
const declareAtOnce = 4

// controls is how many connections the declarations of few files and the reports keep.
const controls = 2

// upload is an upload that runs.
type upload struct {
	o     *Options
	api   *control
	early *early
	sched *schedule
	pace  *pacer
	wires *gauge
	spent spent
	begun time.Time
	// running is how many streams run.
	running atomic.Int32

	mu     sync.Mutex // guards what follows
	opened hsu.Opened
	state  *state
	last   hsu.Report
	held   bool  // by something else than the network
	vain   int   // upload sessions in a row that ended
	had    int64 // bytes that the server had when the last of them began
}

// Run sends files until all of them ended, or, when it watches, until ctx ends. The progress is that of the end.
//
// Errors: ErrUsage, ErrAuth, ErrQuota, ErrNetwork (with Once), ErrFailed when some files failed, and ctx's. After all but ErrUsage
// and ErrFailed, an upload with Resume goes on where this one ended.
func Run(ctx context.Context, o Options) (Progress, error) {
	if err := o.check(); err != nil {
		return Progress{}, err
	}
	transport, early, err := o.transport()
	if err != nil {
		return Progress{}, err
	}
	defer transport.CloseIdleConnections()
	st, err := o.loadState()
	if err != nil {
		return Progress{}, err
	}
	u := &upload{
		o: &o, api: &control{o: &o, http: &http.Client{Transport: transport}}, early: early, sched: newSchedule(), wires: newGauge(),
		pace: newPacer(o.Open.Rate / 8), state: st, begun: time.Now(),
	}
	defer early.close()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	return u.run(ctx)
}

func (u *upload) run(ctx context.Context) (Progress, error) {
	few := u.o.firstStreams(0)
	u.early.begin(ctx, u.o.Server, few+controls)
	first, err := u.o.scan()
	if err != nil {
		return Progress{}, err
	}
	if len(first) == 0 && !u.o.Watch {
		return Progress{}, fmt.Errorf("%w: nothing to send", ErrUsage)
	}
	for _, src := range first {
		u.o.Open.Size += src.size
	}
	more := u.o.firstStreams(u.o.Open.Size) - few
	if len(first) > declareFirst {
		more += declareAtOnce - 1
	}
	u.early.begin(ctx, u.o.Server, more)
	if err := u.start(ctx); err != nil {
		return u.progress(), err
	}
	work, stop := context.WithCancel(ctx)
	defer stop()
	g, work := errgroup.WithContext(work)
	g.Go(func() error { return u.follow(work, first) })
	for range declareAtOnce {
		g.Go(func() error { return u.declare(work) })
	}
	g.Go(func() error { return u.reports(work) })
	g.Go(func() error { return u.manage(work) })
	g.Go(func() error { u.show(work); return nil })
	g.Go(func() error {
		err := u.untilFinished(work)
		stop()
		return err
	})
	err = g.Wait()
	if u.sched.finished() {
		err = u.finish(context.WithoutCancel(ctx))
	} else if ctx.Err() != nil {
		err = ctx.Err()
	}
	p := u.progress()
	if u.o.Progress != nil {
		u.o.Progress(p)
	}
	return p, err
}

// start opens a session, or goes on with the one that is remembered.
func (u *upload) start(ctx context.Context) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.state.Session != "" {
		u.opened = hsu.Opened{ID: u.state.Session, Token: u.state.Token, MaxStreams: maxStreams}
		return nil
	}
	opened, err := u.api.open(ctx)
	if err != nil {
		return err
	}
	u.opened, u.state.Session, u.state.Token = opened, opened.ID, opened.Token
	u.pace.grant(opened.Rate / 8)
	return u.state.save()
}

// restart opens another session after one that ended: what was not done is sent anew.
func (u *upload) restart(ctx context.Context, of string, why error) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.opened.ID != of { // somebody did
		return nil
	}
	if u.vain++; u.sched.have() > u.had {
		u.vain = 1
	}
	if u.vain > maxVain {
		return fmt.Errorf("%w: %d upload sessions ended before anything came: %w", ErrNetwork, maxVain, why)
	}
	opened, err := u.api.open(ctx)
	if err != nil {
		return err
	}
	u.o.Log("the upload session ended (%v); another one goes on", why)
	u.opened, u.state.Session, u.state.Token = opened, opened.ID, opened.Token
	u.pace.grant(opened.Rate / 8)
	u.sched.redeclare(true)
	u.had = u.sched.have()
	return u.state.save()
}

// current is the upload session, and the schedule's number of it.
func (u *upload) current() (hsu.Opened, int) {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.opened, u.sched.sessions()
}

// call makes a request of the session; when the session is over, another one is opened, and the flag says so.
func (u *upload) call(ctx context.Context, method, path string, v, out any) (bool, error) {
	s, _ := u.current()
	err := u.api.call(ctx, method, hsu.Path+"/"+s.ID+path, "Bearer "+s.Token, v, out)
	if over(err) {
		return true, u.restart(ctx, s.ID, err)
	}
	return false, err
}

// declare tells the server of files as there is room for them.
func (u *upload) declare(ctx context.Context) error {
	for {
		items, changed := u.sched.undeclared()
		if len(items) == 0 {
			if !u.sched.idle(ctx, changed, time.Minute) {
				return nil
			}
			continue
		}
		err := u.declareThese(ctx, items)
		u.sched.told(items)
		if ctx.Err() != nil {
			return nil //nolint:nilerr // the end of ctx is no failure of the declaration
		}
		if err != nil {
			return err
		}
	}
}

func (u *upload) declareThese(ctx context.Context, items []*item) error {
	list := make([]hsu.File, len(items))
	for i, it := range items {
		if it.redone > maxRedeclared {
			if r, ok := u.sched.fail(it, "the server does not know the file's blocks"); ok {
				u.ended(r)
			}
		}
		list[i] = u.sched.file(it)
	}
	var have []hsu.Have
	again, err := u.call(ctx, http.MethodPost, "/files", list, &have)
	if again || err != nil {
		return err
	}
	for _, h := range have {
		if r, ok := u.sched.learn(h); ok {
			u.ended(r)
		}
	}
	return nil
}

// reports asks what became of files, and what we may send, until ctx ends.
func (u *upload) reports(ctx context.Context) error {
	instance, seq := "", 0
	for ctx.Err() == nil {
		var rep hsu.Report
		again, err := u.call(ctx, http.MethodGet, fmt.Sprintf("/report?after=%d&wait=1s", seq), nil, &rep)
		if err != nil && ctx.Err() == nil {
			return err
		}
		if again || err != nil {
			seq = 0
			continue
		}
		if instance != "" && rep.Instance != instance {
			u.sched.redeclare(false)
		}
		instance, seq = rep.Instance, rep.Seq
		for _, h := range rep.Files {
			if r, ok := u.sched.learn(h); ok {
				u.ended(r)
			}
		}
		u.pace.grant(rep.Rate / 8)
		u.mu.Lock()
		u.last = rep
		u.mu.Unlock()
		if len(rep.Files) > 0 { // there may be more already: let some gather
			_ = sleep(ctx, 50*time.Millisecond)
		}
	}
	return nil
}

func (u *upload) ended(r Result) {
	if u.o.Done != nil {
		u.o.Done(r)
	}
}

// untilFinished waits until every file ended and no more come.
func (u *upload) untilFinished(ctx context.Context) error {
	for {
		changed := u.sched.watch()
		if u.sched.finished() {
			return nil
		}
		if !u.sched.idle(ctx, changed, time.Minute) {
			return nil
		}
	}
}

// finish ends the session. One with files that failed here is given up as far as it is not done, so that nothing is left of them.
func (u *upload) finish(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	p := u.progress()
	s, _ := u.current()
	err := u.api.call(ctx, http.MethodPost, hsu.Path+"/"+s.ID+"/close", "Bearer "+s.Token, nil, nil)
	if err != nil && p.Failed > 0 {
		err = u.api.call(ctx, http.MethodDelete, hsu.Path+"/"+s.ID, "Bearer "+s.Token, nil, nil)
	}
	if err != nil && !over(err) {
		return err
	}
	if err := u.state.forget(); err != nil {
		return err
	}
	if p.Failed > 0 {
		return fmt.Errorf("%w: %d of %d", ErrFailed, p.Failed, p.Files)
	}
	return nil
}

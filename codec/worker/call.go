package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"sluice/codec"
)

// call is one Probe or Run: up to two tries, each in a process.
type call struct {
	pool   *Pool
	class  class
	source codec.Source
	sink   codec.Sink // Run only
	req    request

	delivered bool // the sink has seen samples or files
	info      codec.Info
	report    codec.Report
}

// do waits for a slot and tries, twice if the first child died and nothing was lost by it.
func (c *call) do(ctx context.Context) (err error) {
	p := c.pool
	if err := p.enter(); err != nil {
		return err
	}
	defer p.work.Done()
	began := time.Now()
	defer func() {
		outcome := "ok"
		if err != nil {
			outcome = string(codec.CodeOf(err))
		}
		metricSeconds.WithLabelValues(string(c.class), outcome).Observe(time.Since(began).Seconds())
	}()

	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(p.ctx, func() { cancel(errClosed) })()
	slots := p.jobs
	if c.class == classProbe {
		slots = p.probes
	}
	select {
	case slots <- struct{}{}:
		defer func() { <-slots }()
	case <-ctx.Done():
		return cancelled(ctx)
	}

	first := c.try(ctx)
	if !c.mayRetry(ctx, first) {
		return result(first)
	}
	metricRestarts.WithLabelValues(string(c.class), string(first.Code)).Inc()
	p.cfg.Log.Warn("worker process died; trying once more", "class", string(c.class), "code", string(first.Code), "detail", first.Detail)
	c.req.Job.Safe = true
	second := c.try(ctx)
	if second != nil && codec.RetryFor(second.Code) == codec.RetryOnce {
		second.Detail = fmt.Sprintf("twice: %s", second.Detail)
	}
	return result(second)
}

// result avoids the typed nil.
func result(e *codec.Error) error {
	if e == nil {
		return nil
	}
	return e
}

// mayRetry says whether the try failed by the death of its process, and whether the sink can take everything again.
func (c *call) mayRetry(ctx context.Context, e *codec.Error) bool {
	if e == nil || codec.RetryFor(e.Code) != codec.RetryOnce || c.req.Job.Safe || ctx.Err() != nil {
		return false
	}
	if !c.delivered {
		return true
	}
	r, ok := c.sink.(interface{ Reset() error })
	if !ok {
		return false
	}
	if err := r.Reset(); err != nil {
		c.pool.cfg.Log.Warn("sink cannot start over", "error", err)
		return false
	}
	c.delivered = false
	return true
}

// try opens the source, takes a process and lets it work.
func (c *call) try(ctx context.Context) *codec.Error {
	if ctx.Err() != nil {
		return cancelled(ctx)
	}
	fd, proxy, e := c.openSource()
	if e != nil {
		return e
	}
	defer fd.Close()
	pr, err := c.pool.take(c.class)
	if err != nil {
		if proxy != nil {
			proxy.close()
		}
		if ctx.Err() != nil {
			return cancelled(ctx)
		}
		return codec.NewError(codec.EngineBug, "worker", err.Error(), err)
	}
	if c.class == classJob && !c.pool.cfg.NoSpare && c.pool.cfg.Jobs > 1 {
		c.pool.warm(classJob) // the next job's process starts while this one works
	}
	t := &try{call: c, pr: pr, proxy: proxy}
	e = t.work(ctx, fd)
	var sourceErr error
	if proxy != nil {
		sourceErr = proxy.close()
	}
	// What the engine made of unreadable bytes is less true than the reader's own error.
	if e != nil && sourceErr != nil && e.Code != codec.Cancelled && e.Code != codec.DeadlineExceeded && e.Stage != "write" {
		e = sourceFailure(sourceErr)
	}
	return e
}

// openSource returns the descriptor that the child gets: the file itself, or one end of a proxy that reads the caller's reader.
func (c *call) openSource() (*os.File, *proxyServer, *codec.Error) {
	src := &c.source
	c.req.Size, c.req.Have, c.req.Sequential = src.Size, src.Have, src.Sequential
	var file *os.File
	switch {
	case src.Path != "" && src.Reader != nil:
		return nil, nil, codec.NewError(codec.EngineBug, "open", "the source has both a path and a reader", nil)
	case src.Path != "":
		f, size, err := openPath(src.Path)
		if err != nil {
			return nil, nil, sourceFailure(err)
		}
		if c.req.Size <= 0 {
			c.req.Size = size
		}
		file = f
	case src.Reader == nil:
		return nil, nil, codec.NewError(codec.EngineBug, "open", "the source has neither a path nor a reader", nil)
	}
	if c.req.Size <= 0 && !src.Sequential {
		if file != nil {
			file.Close()
		}
		return nil, nil, codec.NewError(codec.EmptyFile, "open", "0 bytes", nil)
	}
	if file != nil {
		return file, nil, nil
	}
	c.req.Proxy = true
	conn, theirs, err := socketPair()
	if err != nil {
		return nil, nil, codec.NewError(codec.SourceIO, "open", "proxy", err)
	}
	return theirs, serveProxy(conn, src.Reader, readable(c.req)), nil
}

// limitsFor are the bounds of this call's process.
func (c *call) limitsFor() (memory, cpuSeconds, output int64, stall time.Duration) {
	cfg := c.pool.cfg
	if c.class == classProbe {
		return cfg.Memory, cfg.ProbeCPU, int64(cfg.MaxMessage), cfg.Stall
	}
	l := c.req.Job.Plan.Limits
	memory = l.MemoryBytes
	if memory <= 0 {
		memory = cfg.Memory
	}
	memory *= int64(max(1, min(c.req.Job.Tokens, 1024)))
	cpuSeconds, output, stall = l.CPUSeconds, l.OutputBytes, time.Duration(l.StallUS)*time.Microsecond
	if cpuSeconds <= 0 {
		cpuSeconds = int64(cfg.MaxWall / time.Second)
	}
	if output <= 0 {
		output = 1 << 42
	}
	return memory, cpuSeconds, output, max(stall, cfg.Stall)
}

// deliver hands one frame to the sink. done says that it was the last.
func (t *try) deliver(kind frameKind, payload []byte) (done bool, e *codec.Error) {
	bad := func(err error) (bool, *codec.Error) {
		t.pr.kill(killProtocol)
		return true, codec.NewError(codec.EngineBug, "worker", err.Error(), err)
	}
	c := t.call
	switch kind {
	case frameTick:
		return false, nil // the watcher was told already
	case frameError:
		e, err := childError(payload)
		if err != nil {
			return bad(err)
		}
		return true, e
	case frameInfo, frameReport:
		return t.finished(kind, payload)
	}
	if c.sink == nil {
		return bad(fmt.Errorf("%w: kind %d in a probe", errFrame, kind))
	}
	err := t.output(kind, payload)
	switch {
	case err == nil:
		return false, nil
	case errors.Is(err, errFrame):
		return bad(err)
	case errors.Is(err, errOutput):
		t.pr.kill(killOutput)
		return true, codec.NewError(codec.EngineBug, "worker", err.Error(), nil)
	}
	t.pr.kill(killSink)
	return true, sinkFailure(err)
}

// finished takes the result.
func (t *try) finished(kind frameKind, payload []byte) (bool, *codec.Error) {
	c := t.call
	var err error
	switch {
	case kind == frameInfo && !c.req.Run:
		var info codec.Info
		if err = json.Unmarshal(payload, &info); err == nil {
			c.info = info
		}
	case kind == frameReport && c.req.Run:
		var report codec.Report
		if err = json.Unmarshal(payload, &report); err == nil {
			c.report = report
			if err := t.flushTracks(); err != nil {
				t.pr.kill(killSink)
				return true, sinkFailure(err)
			}
		}
	default:
		err = fmt.Errorf("kind %d is not an answer to this request", kind)
	}
	if err != nil {
		t.pr.kill(killProtocol)
		return true, codec.NewError(codec.EngineBug, "worker", fmt.Sprintf("%v: %v", errFrame, err), err)
	}
	return true, nil
}

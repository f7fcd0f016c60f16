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

var errOutput = errors.New("more output than the plan allows")

const sendTimeout = 10 * time.Second

// try is one attempt in one process.
type try struct {
	call   *call
	pr     *process
	proxy  *proxyServer
	watch  *watcher
	tracks [maxTracks]*trackState
	order  []*trackState // announced, not yet passed to the sink
	limit  int64         // bytes of output left
}

// trackState checks what a child says about a track.
type trackState struct {
	track   codec.Track
	lastDTS int64
	any     bool
}

// work sends the request with the source's descriptor, passes on what comes back, and sees the process off.
func (t *try) work(ctx context.Context, fd *os.File) *codec.Error {
	c, pr := t.call, t.pr
	cfg := c.pool.cfg
	memory, cpu, output, stall := c.limitsFor()
	t.limit = output
	if err := jobLimits(pr.pid, memory, cpu); err != nil {
		// The cage stands without; only the watcher's bounds remain. Isolation has said so already.
		cfg.Log.Debug("worker limits", "error", err)
	}
	ungroup, err := c.pool.cgroups.add(pr.pid, memory)
	if err != nil {
		cfg.Log.Debug("worker cgroup", "error", err)
	}
	began := time.Now()
	payload, err := encodeRequest(c.req)
	if err == nil {
		raw, rawErr := fd.SyscallConn()
		if err = rawErr; err == nil {
			ctrlErr := raw.Control(func(n uintptr) { err = sendControl(pr.control, controlRequest, payload, int(n), sendTimeout) })
			err = errors.Join(err, ctrlErr)
		}
	}
	if err != nil {
		pr.kill(killProtocol)
		e := t.dead(ctx, fmt.Errorf("send request: %w", err))
		ungroup()
		return e
	}
	pr.uses++
	t.watch = watch(ctx, pr, t.proxy, watchLimits{
		stall: stall, memory: memory, cpuBase: cpuUsed(pr.pid), cpu: cpu, wall: cfg.MaxWall, grace: cfg.Grace,
	})
	e := t.read(ctx)
	t.watch.stop()
	t.leave(e)
	ungroup()
	if c.req.Run && e == nil {
		st := pr.cmd.ProcessState
		c.report.CPUUS = (st.UserTime() + st.SystemTime()).Microseconds()
		c.report.PeakRSS = max(c.report.PeakRSS, t.watch.peak.Load())
		c.report.WallUS = time.Since(began).Microseconds()
	}
	return e
}

// read passes frames on until the result, an error or the child's death.
func (t *try) read(ctx context.Context) *codec.Error {
	for {
		kind, payload, err := t.pr.frames.next()
		if err != nil {
			if !isEnd(err) {
				t.pr.kill(killProtocol)
			}
			return t.dead(ctx, err)
		}
		t.watch.frame(kind, payload)
		if ctx.Err() != nil {
			// Cancelled: what still comes is thrown away until the child says that it stopped, or is gone.
			if kind == frameError || kind == frameReport || kind == frameInfo {
				return cancelled(ctx)
			}
			continue
		}
		t.watch.pause()
		done, e := t.deliver(kind, payload)
		t.watch.resume()
		if done {
			if ctx.Err() != nil && e != nil {
				return cancelled(ctx)
			}
			return e
		}
	}
}

// dead waits for the child's end and explains it.
func (t *try) dead(ctx context.Context, readErr error) *codec.Error {
	timer := time.NewTimer(t.call.pool.cfg.Grace)
	defer timer.Stop()
	select {
	case <-t.pr.exited:
	case <-timer.C: // it closed its pipe but lives
		t.pr.kill(killProtocol)
		<-t.pr.exited
	}
	return t.pr.death(ctx, readErr)
}

// output passes one frame of a run to the sink.
func (t *try) output(kind frameKind, payload []byte) error {
	c := t.call
	t.limit -= int64(len(payload))
	if t.limit < 0 {
		return errOutput
	}
	switch kind {
	case frameTrack:
		return t.announce(payload)
	case frameSample:
		id, s, err := parseSample(payload)
		if err != nil {
			return err
		}
		if err := t.checkSample(id, s); err != nil {
			return err
		}
		if err := t.flushTracks(); err != nil {
			return err
		}
		metricBytes.Add(float64(len(s.Data)))
		c.delivered = true
		return c.sink.Sample(id, s)
	case frameFile:
		name, data, err := parseFile(payload)
		if err != nil {
			return err
		}
		c.delivered = true
		return c.sink.File(name, data)
	case frameProgress:
		var p codec.Progress
		if err := parseNumbers(payload, &p.Frames, &p.Total, &p.TimeUS, &p.Bytes); err != nil {
			return err
		}
		c.sink.Progress(p)
		return nil
	}
	return fmt.Errorf("%w: kind %d", errFrame, kind)
}

// announce keeps a track until its first sample, so that a child that dies before can be replaced without the sink noticing.
func (t *try) announce(payload []byte) error {
	var tr codec.Track
	if err := json.Unmarshal(payload, &tr); err != nil {
		return fmt.Errorf("%w: track: %w", errFrame, err)
	}
	if tr.ID < 0 || tr.ID >= maxTracks || t.tracks[tr.ID] != nil {
		return fmt.Errorf("%w: track %d announced twice or out of range", errFrame, tr.ID)
	}
	if tr.Timescale <= 0 || tr.Timescale > 1<<32-1 || !plainName(tr.Name) {
		return fmt.Errorf("%w: track %d: name %q, timescale %d", errFrame, tr.ID, tr.Name, tr.Timescale)
	}
	st := &trackState{track: tr}
	t.tracks[tr.ID] = st
	t.order = append(t.order, st)
	return nil
}

// flushTracks tells the sink about the tracks announced so far.
func (t *try) flushTracks() error {
	for len(t.order) > 0 {
		st := t.order[0]
		t.order = t.order[1:]
		t.call.delivered = true
		if err := t.call.sink.Track(st.track); err != nil {
			return err
		}
	}
	return nil
}

// checkSample holds a child to the contract of codec.Sample. On the hot path.
func (t *try) checkSample(id int, s codec.Sample) error {
	if id >= maxTracks || t.tracks[id] == nil {
		return fmt.Errorf("%w: sample of track %d, which was not announced", errFrame, id)
	}
	const far = int64(1) << 53
	st := t.tracks[id]
	switch {
	case s.PTS > far || s.DTS < -far || s.Dur < 0 || s.Dur > far:
		return fmt.Errorf("%w: track %d: times %d/%d/%d out of range", errFrame, id, s.PTS, s.DTS, s.Dur)
	case s.DTS > s.PTS:
		return fmt.Errorf("%w: track %d: DTS %d after PTS %d", errFrame, id, s.DTS, s.PTS)
	case st.any && s.DTS < st.lastDTS:
		return fmt.Errorf("%w: track %d: DTS %d after %d", errFrame, id, s.DTS, st.lastDTS)
	}
	st.lastDTS, st.any = s.DTS, true
	return nil
}

// leave decides what becomes of the process: a job's ends, a probe's is kept while it is young and slim.
func (t *try) leave(e *codec.Error) {
	p, pr := t.call.pool, t.pr
	now, peak := resident(pr.pid)
	t.watch.peak.Store(max(t.watch.peak.Load(), peak))
	reusable := pr.class == classProbe && pr.alive() && pr.killed() == "" &&
		(e == nil || e.Code != codec.Cancelled && e.Code != codec.DeadlineExceeded)
	if reusable && pr.uses < p.cfg.ProbesPerProcess && now-pr.baseRSS <= p.cfg.ProbeGrowth {
		p.keep(pr)
		return
	}
	pr.dismiss(p.cfg.Grace)
	if pr.class == classProbe && !p.cfg.NoSpare {
		p.warm(classProbe)
	}
}

package worker

import (
	"context"
	"encoding/binary"
	"errors"
	"sync/atomic"
	"time"
)

// watchLimits are what a watcher kills for.
type watchLimits struct {
	stall       time.Duration
	memory      int64 // resident bytes
	cpuBase     int64 // seconds already used
	cpu         int64 // seconds allowed
	wall, grace time.Duration
}

// watcher looks after one process during one request: it forwards cancellation, and kills when there is no progress, too
// much memory or processor time, or no reaction. Its goroutine ends with stop.
type watcher struct {
	pr    *process
	proxy *proxyServer
	lim   watchLimits

	last   atomic.Int64  // time of the last progress, as nanoseconds since began
	paused atomic.Bool   // the parent itself is busy in the sink
	peak   atomic.Int64  // resident bytes seen at most
	best   [4]int64      // highest numbers of progress seen; owned by the reading goroutine
	read   int64         // bytes the child says it read; owned by the reading goroutine
	since  time.Duration // when the sink was entered; owned by the reading goroutine
	began  time.Time
	quit   chan struct{}
	done   chan struct{}
}

const pollInterval = 100 * time.Millisecond

func watch(ctx context.Context, pr *process, proxy *proxyServer, lim watchLimits) *watcher {
	w := &watcher{pr: pr, proxy: proxy, lim: lim, began: time.Now(), quit: make(chan struct{}), done: make(chan struct{})}
	go w.loop(ctx)
	return w
}

// stop ends the watching and waits for it.
func (w *watcher) stop() {
	close(w.quit)
	<-w.done
}

func (w *watcher) alive() { w.last.Store(int64(time.Since(w.began))) }

// pause and resume bracket the time that the sink takes, for which the child is not to blame.
func (w *watcher) pause() {
	w.since = time.Since(w.began)
	w.paused.Store(true)
}

func (w *watcher) resume() {
	w.last.Add(int64(time.Since(w.began) - w.since))
	w.paused.Store(false)
}

// frame notes what counts as progress: anything delivered, and numbers that rose. A child that only repeats itself stalls.
func (w *watcher) frame(k frameKind, payload []byte) {
	switch k {
	case frameTick:
		var n int64
		if parseNumbers(payload, &n) != nil || n <= w.read {
			return
		}
		w.read = n
	case frameProgress:
		if len(payload) != 8*len(w.best) {
			return
		}
		rose := false
		for i := range w.best {
			if n := int64(binary.LittleEndian.Uint64(payload[8*i:])); n > w.best[i] {
				w.best[i], rose = n, true
			}
		}
		if !rose {
			return
		}
	}
	w.alive()
}

func (w *watcher) loop(ctx context.Context) {
	defer close(w.done)
	poll := time.NewTicker(pollInterval)
	defer poll.Stop()
	cancel := ctx.Done()
	var grace <-chan time.Time
	served := int64(0)
	for {
		select {
		case <-w.quit:
			return
		case <-w.pr.exited:
			return
		case <-cancel:
			cancel = nil
			grace = time.After(w.lim.grace)
			// A full socket means a child that does not listen; then the grace ends it.
			_ = sendControl(w.pr.control, controlCancel, nil, -1, pollInterval)
		case <-grace:
			w.kill(cancelReason(ctx))
		case <-poll.C:
			if w.proxy != nil {
				if n := w.proxy.active.Load(); n != served || w.proxy.busy.Load() {
					served = n
					w.alive()
				}
			}
			w.check()
		}
	}
}

func cancelReason(ctx context.Context) killReason {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return killDeadline
	}
	return killCancelled
}

// check kills for whatever is exceeded.
func (w *watcher) check() {
	now, _ := resident(w.pr.pid)
	if now > w.peak.Load() {
		w.peak.Store(now)
	}
	elapsed := time.Since(w.began)
	switch {
	case now > w.lim.memory:
		w.kill(killMemory)
	case cpuUsed(w.pr.pid)-w.lim.cpuBase > w.lim.cpu+cpuMargin:
		w.kill(killCPU)
	case !w.paused.Load() && elapsed-time.Duration(w.last.Load()) > w.lim.stall:
		w.kill(killStalled)
	case elapsed > w.lim.wall:
		w.kill(killWall)
	}
}

func (w *watcher) kill(why killReason) { w.pr.kill(why) }

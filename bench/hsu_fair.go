package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"sluice/bench/link"
)

const (
	// fairCap is what four uploads of an account share.
	fairCap = 400_000_000
	// besideTime is how long an upload runs beside others, after they had the line for besideLead.
	besideTime = 60 * time.Second
	besideLead = 5 * time.Second
)

// runHSUFair lets four uploads share their account's cap, and an upload share a line without loss with connections that use CUBIC.
func runHSUFair(ctx context.Context, e *Env, emit func(Result)) error {
	return e.onLine(ctx, lineDelay, func(line *link.Link) error {
		if err := e.hsuFour(ctx, line, emit); err != nil {
			return err
		}
		flows := []int{1, 8}
		if e.Quick {
			flows = flows[:1]
		}
		for _, k := range flows {
			if err := e.hsuBeside(ctx, line, k, emit); err != nil {
				return err
			}
		}
		return nil
	})
}

// hsuFour compares the least of four uploads under a cap with an equal part of it.
func (e *Env) hsuFour(ctx context.Context, line *link.Link, emit func(Result)) error {
	f, err := e.startFar(ctx, line, "--quota-upload-rate", fmt.Sprint(fairCap))
	if err != nil {
		return err
	}
	defer f.close()
	rates := make([]float64, 4)
	errs := make([]error, len(rates))
	var all sync.WaitGroup
	for i := range rates {
		all.Go(func() {
			var u uploaded
			u, errs[i] = f.upload(ctx, e, cellTime, f.source)
			rates[i] = u.rate
		})
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	var sum float64
	for _, r := range rates {
		sum += r
	}
	equal := fairCap / 1e6 / float64(len(rates))
	e.Log("four uploads under a cap of %.0f Mbit/s: %.0f, together %.0f", fairCap/1e6, rates, sum)
	emit(Result{
		Bench: "hsu-fair-4", Peer: "an equal part of the cap", Ours: slices.Min(rates), Theirs: equal, Unit: "Mbit/s",
		Ratio: slices.Min(rates) / equal, Min: slices.Min(rates) / equal, Max: slices.Max(rates) / equal, Runs: 1,
	})
	return nil
}

// hsuBeside compares what k connections that use CUBIC get beside an upload with the part that k of k+1 would have.
func (e *Env) hsuBeside(ctx context.Context, line *link.Link, k int, emit func(Result)) error {
	f, err := e.startFar(ctx, line)
	if err != nil {
		return err
	}
	defer f.close()
	var got atomic.Int64
	end, err := flows(ctx, line, k, "", &got)
	if err != nil {
		return err
	}
	defer end()
	d := besideTime
	if e.Quick {
		d /= 2
	}
	slept(ctx, besideLead)
	var theirs float64
	var others sync.WaitGroup
	others.Go(func() {
		first, at := got.Load(), time.Now()
		slept(ctx, d)
		theirs = mbit(got.Load()-first, time.Since(at))
	})
	u, err := f.upload(ctx, e, d, f.source)
	others.Wait()
	if err != nil {
		return err
	}
	part := lineRate / 1e6 * payload * float64(k) / float64(k+1)
	e.Log("beside %d connections of CUBIC, which get %.0f Mbit/s of a fair part of %.0f, the upload gets %.0f over %d connections", k, theirs, part, u.rate, u.streams)
	emit(Result{
		Bench: fmt.Sprintf("hsu-beside-%d", k), Peer: "a fair part of the line", Ours: theirs, Theirs: part, Unit: "Mbit/s",
		Ratio: theirs / part, Min: theirs / part, Max: theirs / part, Runs: 1,
	})
	return nil
}

// flows sends without end over n plain connections with a congestion control, "" for the usual one, and counts what comes. The
// function ends them.
func flows(ctx context.Context, line *link.Link, n int, congestion string, got *atomic.Int64) (func(), error) {
	l, err := link.Listen(ctx, line.B, link.AddrB+":9444")
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	var all sync.WaitGroup
	end := func() {
		cancel()
		l.Close()
		all.Wait()
	}
	for range n {
		all.Go(func() {
			if c, err := l.Accept(); err == nil {
				defer context.AfterFunc(ctx, func() { c.Close() })()
				_, _ = io.CopyBuffer(counter{got}, onlyReader{c}, make([]byte, 1<<20))
			}
		})
		c, err := link.Dial(ctx, line.A, link.AddrB+":9444", congestion)
		if err != nil {
			end()
			return nil, err
		}
		all.Go(func() {
			defer context.AfterFunc(ctx, func() { c.Close() })()
			for b := make([]byte, 1<<20); ; {
				if _, err := c.Write(b); err != nil {
					return
				}
			}
		})
	}
	return end, nil
}

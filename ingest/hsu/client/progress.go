package client

import (
	"context"
	"time"

	"sluice/ingest/hsu"
)

// rateOver is the time over which a rate is told.
const rateOver = 4

// show measures the upload each second, and tells of it.
func (u *upload) show(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	var past [rateOver]struct {
		at    time.Time
		bytes int64
	}
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		p := u.progress()
		now := time.Now()
		p.Slow = u.slow(p)
		if old := past[n%rateOver]; !old.at.IsZero() {
			if span := now.Sub(old.at).Seconds(); span > 0 {
				p.Rate = int64(float64(8*(p.Bytes-p.Skipped-old.bytes)) / span)
			}
		} else {
			p.Rate = int64(float64(8*(p.Bytes-p.Skipped)) / time.Since(u.begun).Seconds())
		}
		past[n%rateOver].at, past[n%rateOver].bytes = now, p.Bytes-p.Skipped
		if p.Rate > 0 {
			p.Left = time.Duration(float64(8*(p.Total-p.Bytes)) / float64(p.Rate) * float64(time.Second))
		}
		if u.o.Progress != nil {
			u.o.Progress(p)
		}
	}
}

// progress is how the upload stands; its rate is that of the whole time.
func (u *upload) progress() Progress {
	s := u.sched
	s.mu.Lock()
	p := Progress{
		Files: len(s.items), Done: s.done, Failed: s.failed, Bytes: s.acked, Total: s.total, Sent: s.sent, Skipped: s.skipped,
	}
	s.mu.Unlock()
	p.Elapsed = time.Since(u.begun)
	p.Rate = int64(float64(8*(p.Bytes-p.Skipped)) / p.Elapsed.Seconds())
	u.mu.Lock()
	defer u.mu.Unlock()
	p.Streams, p.Cap, p.Transfers = int(u.running.Load()), u.last.Cap, u.last.Transfers
	return p
}

// slow names what held the upload up since the last call.
func (u *upload) slow(p Progress) string {
	reading, pacing, network := u.spent.reading.Swap(0), u.spent.pacing.Swap(0), u.spent.network.Swap(0)
	u.mu.Lock()
	defer u.mu.Unlock()
	why := ""
	switch all := reading + pacing + network; {
	case u.last.Slow == hsu.SlowFull:
		why = hsu.SlowFull
	case all == 0:
		why = u.last.Slow
	case pacing*3 > all:
		why = u.pace.bound()
	case u.last.Slow != "":
		why = u.last.Slow
	case reading*10 > all*6:
		why = hsu.SlowReading
	case p.Bytes < p.Total:
		why = hsu.SlowNetwork
	}
	u.held = why != "" && why != hsu.SlowNetwork
	return why
}

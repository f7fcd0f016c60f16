//go:build cgo

package av

import (
	"errors"
	"fmt"
	"slices"
	"syscall"
	"time"

	"sluice/codec"
)

// delivery hands everything made to the sink. Only the goroutine of Run uses it.
type delivery struct {
	sink   codec.Sink
	tracks map[int]*codec.TrackStat
	order  []int
	scale  map[int]int64
	bytes  int64
	last   time.Time
	main   bool  // this part of the run is the one whose progress is told
	total  int64 // of it, in its unit; 0 when it is not known
}

// progressEvery bounds progress reports to two a second.
const progressEvery = 500 * time.Millisecond

func newDelivery(sink codec.Sink) *delivery {
	return &delivery{sink: sink, tracks: map[int]*codec.TrackStat{}, scale: map[int]int64{}}
}

func (d *delivery) track(t codec.Track) error {
	d.tracks[t.ID] = &codec.TrackStat{Name: t.Name}
	d.order = append(d.order, t.ID)
	d.scale[t.ID] = t.Timescale
	return sinkError(d.sink.Track(t), "track "+t.Name)
}

func (d *delivery) sample(id int, s codec.Sample) error {
	st := d.tracks[id]
	st.Samples++
	st.Bytes += int64(len(s.Data))
	st.DurUS = max(st.DurUS, mulDiv(s.PTS+s.Dur, 1_000_000, d.scale[id]))
	d.bytes += int64(len(s.Data))
	return sinkError(d.sink.Sample(id, s), "sample of "+st.Name)
}

func (d *delivery) file(name string, data []byte) error {
	return sinkError(d.sink.File(name, data), name)
}

// progress reports at most twice a second how much of the total is done.
func (d *delivery) progress(done, timeUS int64) {
	now := time.Now()
	if now.Sub(d.last) < progressEvery {
		return
	}
	d.last = now
	p := codec.Progress{TimeUS: timeUS, Bytes: d.bytes}
	if d.main {
		p.Frames, p.Total = done, d.total
	}
	d.sink.Progress(p)
}

func (d *delivery) stats() []codec.TrackStat {
	slices.Sort(d.order)
	out := make([]codec.TrackStat, 0, len(d.order))
	for _, id := range d.order {
		out = append(out, *d.tracks[id])
	}
	return out
}

// sinkError wraps what the sink refused.
func sinkError(err error, what string) error {
	if err == nil {
		return nil
	}
	code := codec.SinkIO
	if errors.Is(err, syscall.ENOSPC) {
		code = codec.DiskFull
	}
	return codec.NewError(code, "write", fmt.Sprintf("%s: %v", what, err), err)
}

//go:build cgo

package av

import (
	"github.com/asticode/go-astiav"

	"sluice/codec"
)

// crewDepth bounds the batches that wait for a rung while lanes share a chunk: deeper queues only push frames out of the cache.
const crewDepth = 2

// crew is the work at one chunk in pieces that lanes take turns at: to decode the next batch, to encode the next batch for one
// group of rungs, to drain a group's encoders. A piece has one lane at a time, and a group takes its batches in order, so what
// comes out does not depend on who worked. The floor's mutex guards the crew; decoder and encoders belong to whoever has the piece.
type crew struct {
	fr      *framer
	l       *ladder
	c       *chunk
	pending []slotted // decoded frames of a batch that is not full; belongs to the lane that decodes
	queues  []queue   // one a group of rungs, the largest first
	busy    bool      // a lane decodes
	decoded bool      // all of the chunk
	workers int       // lanes at a piece
	err     error     // the first
}

// queue is what one group of rungs has before it.
type queue struct {
	batches []*batch
	busy    bool
	drained bool
}

// batch is frames that every group of rungs is to encode.
type batch struct {
	frames []slotted
	left   int // groups that have not
}

// newCrew begins the work at c with encoders that are open.
func newCrew(fr *framer, l *ladder, c *chunk) *crew {
	cr := &crew{fr: fr, l: l, c: c, queues: make([]queue, len(l.groups))}
	fr.begin(c.from, c.to, func(n int64, f *astiav.Frame, id int64) error {
		r := l.get()
		if err := r.Ref(f); err != nil {
			l.put(r)
			return l.g.fail(codec.OutOfMemory, "filter", err)
		}
		cr.pending = append(cr.pending, slotted{r, n, id})
		return nil
	})
	return cr
}

// piece is something that a lane can do now: begin and end are called with the floor's mutex held, run without.
type piece struct {
	begin func()
	run   func() error
	end   func()
}

// next finds a piece; false when there is none now. What the largest rungs wait for goes first, then the rungs by size: one
// lane alone so works through the rungs batch by batch, and several keep the costliest encoder busy.
func (cr *crew) next() (piece, bool) {
	if cr.err != nil {
		return piece{}, false
	}
	if cr.workers > 0 && len(cr.queues[0].batches) == 0 && cr.canDecode() {
		return cr.decode(), true
	}
	for i := range cr.queues {
		switch q := &cr.queues[i]; {
		case q.busy || q.drained:
		case len(q.batches) > 0:
			return cr.encode(i), true
		case cr.decoded:
			return cr.drain(i), true
		}
	}
	if cr.canDecode() {
		return cr.decode(), true
	}
	return piece{}, false
}

func (cr *crew) canDecode() bool {
	if cr.busy || cr.decoded {
		return false
	}
	for i := range cr.queues {
		if len(cr.queues[i].batches) >= crewDepth {
			return false
		}
	}
	return true
}

// done says that nothing is left to do and nobody does anything.
func (cr *crew) done() bool {
	if cr.workers > 0 {
		return false
	}
	for i := range cr.queues {
		if !cr.queues[i].drained {
			return cr.err != nil
		}
	}
	return true
}

// decode fills a batch. Where the source has gaps one packet may give more.
func (cr *crew) decode() piece {
	var made []*batch
	ended := false
	return piece{
		begin: func() { cr.busy = true },
		run: func() error {
			for len(cr.pending) < cr.l.limit && !ended {
				var err error
				if ended, err = cr.fr.step(cr.c.next, func() bool { return !cr.c.cut }); err != nil {
					return err
				}
			}
			for len(cr.pending) >= cr.l.limit || ended && len(cr.pending) > 0 {
				n := min(len(cr.pending), cr.l.limit)
				b := &batch{frames: append([]slotted(nil), cr.pending[:n]...), left: len(cr.queues)}
				cr.pending = append(cr.pending[:0], cr.pending[n:]...)
				made = append(made, b)
				if err := cr.l.prepare(b.frames); err != nil {
					return err
				}
			}
			return nil
		},
		end: func() {
			cr.busy, cr.decoded = false, ended
			for i := range cr.queues {
				cr.queues[i].batches = append(cr.queues[i].batches, made...)
			}
		},
	}
}

// encode takes a group's next batch.
func (cr *crew) encode(group int) piece {
	q := &cr.queues[group]
	b := q.batches[0]
	return piece{
		begin: func() { q.busy = true },
		run:   func() error { return cr.l.encode(cr.l.groups[group], b.frames) },
		end: func() {
			q.busy, q.batches = false, q.batches[1:]
			if b.left--; b.left == 0 {
				cr.l.encoded.Add(int64(len(b.frames)))
				cr.release(b)
			}
		},
	}
}

func (cr *crew) drain(group int) piece {
	q := &cr.queues[group]
	return piece{
		begin: func() { q.busy = true },
		run:   func() error { return cr.l.drain(cr.l.groups[group]) },
		end:   func() { q.busy, q.drained = false, true },
	}
}

func (cr *crew) release(b *batch) {
	for _, s := range b.frames {
		cr.l.put(s.f)
	}
	b.frames = nil
}

// close releases the frames of a crew that nobody works at any more.
func (cr *crew) close() {
	for i := range cr.queues {
		for _, b := range cr.queues[i].batches {
			cr.release(b)
		}
	}
	cr.release(&batch{frames: cr.pending})
	cr.pending = nil
}

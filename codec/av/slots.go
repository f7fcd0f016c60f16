//go:build cgo

package av

import "github.com/asticode/go-astiav"

// slotter maps frames at arbitrary times onto the constant-rate output: a frame belongs to the slot nearest to its time, the
// last frame of a slot wins, an empty slot repeats the frame before it, and what precedes the first frame shows the first
// frame. Each slot's content depends only on the frames around it, so a span gives the same pictures however the video is
// cut into spans.
type slotter struct {
	from, to int64 // the slots wanted
	next     int64 // first slot not emitted
	cur      *astiav.Frame
	curSlot  int64
	have     bool
	id       int64 // counts source frames, so that a repeat is recognised
	sparse   bool  // variable rate: emit a repeat only where need says so
	need     func(n int64) bool
	emit     func(n int64, f *astiav.Frame, id int64) error
}

func newSlotter(from, to int64, emit func(int64, *astiav.Frame, int64) error) *slotter {
	return &slotter{from: from, to: to, next: from, cur: astiav.AllocFrame(), emit: emit}
}

// push takes a reference to f for the given slot. It reports true when all wanted slots were emitted.
func (s *slotter) push(f *astiav.Frame, slot int64) (bool, error) {
	if s.have {
		if slot <= s.curSlot {
			slot = s.curSlot // same slot, or out of order: the later frame wins
		} else if err := s.flush(slot); err != nil {
			return false, err
		}
	}
	s.cur.Unref()
	if err := s.cur.Ref(f); err != nil {
		return false, err
	}
	s.have, s.curSlot = true, slot
	s.id++
	return s.next >= s.to, nil
}

// flush emits the held frame for all wanted slots before end.
func (s *slotter) flush(end int64) error {
	for n := s.next; n < min(end, s.to); n++ {
		if !s.sparse || n == max(s.from, s.curSlot) || s.need(n) {
			if err := s.emit(n, s.cur, s.id); err != nil {
				return err
			}
		}
		s.next = n + 1
	}
	return nil
}

func (s *slotter) close() { s.cur.Free() }

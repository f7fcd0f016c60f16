package client

import (
	"context"
	"encoding/hex"
	"math"
	"sync"
	"time"

	"sluice/ingest/hsu"
)

const (
	// minWindow and maxWindow bound the bytes that are sent and not acknowledged: they are what a kill of the server makes us send
	// again, and cost only their places here, since blocks are read from their files again. The least is what the server gathers
	// before it acknowledges, on lines of up to minWindowRTT; what the line holds is added.
	minWindow    = 48 << 20
	minWindowRTT = 100 * time.Millisecond
	maxWindow    = 512 << 20
	// maxOpen and maxAhead bound the files, and their bytes, that are declared before they can be sent.
	maxOpen = 8000
	// declareFirst bounds the files that the first declaration tells of, and the next ones, declareGrows times, tell of twice as many: a
	// connection takes round trips to carry more, and streams have nothing to send until then.
	declareFirst = 100
	declareGrows = 3
	maxAhead     = 1 << 30
	// maxRedeclared bounds how often a file is declared anew because the server does not know its blocks.
	maxRedeclared = 5
)

// schedule knows what is to be sent. It is safe for concurrent use.
type schedule struct {
	mu      sync.Mutex    // guards what follows, and the items' fields but number and source.file and path
	changed chan struct{} // closed when there may be something to do
	items   map[uint32]*item
	all     []*item // in the order in which they were added
	order   []*item // items that may have blocks to send, in their order
	window  int64   // bytes on their way
	most    int64   // of them
	pause   time.Time
	opened  int   // files that are open and not acknowledged as a whole
	ahead   int64 // bytes of open files that are not acknowledged

	total, acked, skipped, sent int64
	done, failed                int
	closed                      bool // no more files come
	asked                       int  // declarations, up to declareGrows
	session                     int  // counts the upload sessions: what streams of an earlier one say does not count
}

func newSchedule() *schedule {
	return &schedule{changed: make(chan struct{}), items: map[uint32]*item{}, most: minWindow}
}

// wake wakes who waits for a change. The caller holds the mutex.
func (s *schedule) wake() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// add adds files to be declared.
func (s *schedule) add(items ...*item) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, it := range items {
		s.items[it.number] = it
		s.all = append(s.all, it)
		s.total += it.size
	}
	s.wake()
}

// widen makes room for what a line holds, for what waits behind what was lost on it, which takes a round trip to come again, and for
// the blocks of so many streams of which parts are there.
func (s *schedule) widen(line int64, rtt time.Duration, streams int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	waits := int64(float64(minWindow)*max(1, rtt.Seconds()/minWindowRTT.Seconds())) + int64(streams)*hsu.BlockSize
	s.most = min(max(s.most, waits+line), maxWindow)
}

// close says that no more files come.
func (s *schedule) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	s.wake()
}

// finished says whether every file ended and no more come.
func (s *schedule) finished() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed && s.done+s.failed == len(s.items)
}

// have is how many bytes the server has.
func (s *schedule) have() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.acked
}

// watch returns a channel that is closed when something changes.
func (s *schedule) watch() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changed
}

func (s *schedule) sessions() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.session
}

// take takes a block to send in a session, the schedule's unless that ended. Without one it returns what to wait for, and for how
// long at most.
func (s *schedule) take(session int) (block, <-chan struct{}, time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if session != s.session {
		return block{}, s.changed, time.Second
	}
	if left := time.Until(s.pause); left > 0 {
		return block{}, s.changed, left
	}
	if s.window >= s.most {
		return block{}, s.changed, time.Minute
	}
	for len(s.order) > 0 {
		it := s.order[0]
		if b, ok := it.block(); ok {
			s.window += int64(b.length)
			b.session = s.session
			return b, nil, 0
		}
		s.order = s.order[1:]
	}
	return block{}, s.changed, time.Minute
}

// fair is how much one of some streams takes at a time: half of its part of what is left.
func (s *schedule) fair(streams int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		return fillTo
	}
	return int(min(max((s.total-s.acked-s.window)/int64(2*max(streams, 1)), leastFill), fillTo))
}

// left is how many bytes the server does not have of the files that are known; as many as there can be when more files come.
func (s *schedule) left() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		return math.MaxInt64
	}
	return s.total - s.acked
}

// drained says whether no block is known that is to be sent.
func (s *schedule) drained() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.order) == 0
}

// read keeps the digest of a block that was read.
func (s *schedule) read(b block, leaf hsu.Leaf) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := int(b.index) + 1; n > len(b.it.leaves) {
		b.it.leaves = append(b.it.leaves, make([]hsu.Leaf, n-len(b.it.leaves))...)
	}
	b.it.leaves[b.index] = leaf
}

// lost gives back blocks that were on their way.
func (s *schedule) lost(list []block) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, b := range list {
		s.back(b)
	}
	s.wake()
}

func (s *schedule) back(b block) {
	s.window -= int64(b.length)
	if b.it.state == ended || b.it.acked.has(b.index) || b.session != s.session {
		return
	}
	b.it.again = append(b.it.again, b.index)
	s.order = append(s.order, b.it)
}

// answered takes the server's answer to a block.
func (s *schedule) answered(b block, code hsu.Code) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case b.session != s.session:
		s.window -= int64(b.length)
	case code == 0:
		s.window -= int64(b.length)
		if s.ack(b.it, b.index) {
			s.acked += int64(b.length)
		}
	case code == hsu.Damaged:
		s.back(b)
	case code == hsu.Full, code == hsu.Busy:
		s.back(b)
		s.pause = time.Now().Add(time.Second)
	case code == hsu.Unknown:
		s.back(b)
		if b.it.state == open { // the server lost sight of the file
			b.it.state = waiting
			b.it.redone++
			s.count(b.it, false)
			s.ahead -= b.it.size - b.it.ackedLen
		}
	default: // the report tells of a file that failed
		s.window -= int64(b.length)
	}
	s.wake()
}

// ack counts a block, once.
func (s *schedule) ack(it *item, i int64) bool {
	if it.state == ended || !it.acked.set(i) {
		return false
	}
	n := int64(it.at(i).length)
	it.ackedLen += n
	if it.state == open {
		s.ahead -= n
	}
	if it.ackedLen == it.size && !it.growing {
		s.count(it, false)
	}
	return true
}

// count says whether a file counts as open.
func (s *schedule) count(it *item, open bool) {
	switch {
	case open && !it.counted:
		s.opened++
	case !open && it.counted:
		s.opened--
	}
	it.counted = open
}

// undeclared returns files to declare, as many as fit, and what to wait for when there are none. Nobody else gets them until told.
func (s *schedule) undeclared() ([]*item, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.all) > 0 && s.all[0].state == ended {
		s.all = s.all[1:]
	}
	var out []*item
	n, bytes := s.opened, s.ahead
	for _, it := range s.all {
		if it.state != waiting && (it.state != open || it.declared) {
			continue
		}
		if it.state == waiting {
			if n > 0 && !it.asked && (n >= maxOpen || bytes >= maxAhead) {
				continue
			}
			n++
			bytes += it.size
		}
		if it.asked {
			continue
		}
		it.asked = true
		if out = append(out, it); len(out) == min(declareFirst<<s.asked, hsu.MaxFiles/2) {
			break
		}
	}
	if len(out) > 0 && s.asked < declareGrows {
		s.asked++
	}
	return out, s.changed
}

// told ends the declaration of files, whatever came of it.
func (s *schedule) told(list []*item) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, it := range list {
		it.asked = false
	}
	s.wake()
}

// file describes an item for the server.
func (s *schedule) file(it *item) hsu.File {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := hsu.File{Number: it.number, Path: it.path, Size: it.size, Modified: it.modified}
	if it.growing {
		f.Size = -1
	}
	return f
}

// learn takes what the server has of a file; the flag says that it ended.
func (s *schedule) learn(h hsu.Have) (Result, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	it := s.items[h.Number]
	if it == nil || it.state == ended {
		return Result{}, false
	}
	if h.State != hsu.StateOpen {
		return s.end(it, h), true
	}
	it.declared = true
	if it.state == waiting {
		it.state = open
		s.count(it, true)
		s.ahead += it.size - it.ackedLen
	}
	s.reconcile(it, h.Extents)
	s.order = append(s.order, it)
	s.wake()
	return Result{}, false
}

// reconcile makes what counts as acknowledged what the server has. It had every block that it acknowledged: one that it has no
// more is sent again.
func (s *schedule) reconcile(it *item, extents [][2]int64) {
	var has bits
	for _, x := range extents {
		for i := (x[0] + hsu.BlockSize - 1) / hsu.BlockSize; i*hsu.BlockSize < min(x[1], it.size); i++ {
			n := int64(it.at(i).length)
			if i*hsu.BlockSize+n > x[1] {
				break
			}
			if has.set(i); s.ack(it, i) {
				s.acked += n
				s.skipped += n
			}
		}
	}
	for i := range min(it.next, hsu.Blocks(it.size)) {
		if it.acked.has(i) && !has.has(i) {
			n := int64(it.at(i).length)
			it.acked[i/64] &^= 1 << (i % 64)
			it.again = append(it.again, i)
			it.ackedLen -= n
			s.acked -= n
			s.ahead += n
			s.count(it, true)
		}
	}
}

// end counts a file that ended. The digest that the server has is compared with ours where we read every block.
func (s *schedule) end(it *item, h hsu.Have) Result {
	s.count(it, false)
	if it.state == open {
		s.ahead -= it.size - it.ackedLen
	}
	r := Result{Path: it.path, Size: it.size, Entry: h.Entry, Digest: h.Digest, Error: h.Error}
	if h.State == hsu.StateDone {
		s.acked += it.size - it.ackedLen
		if it.ackedLen == 0 {
			s.skipped += it.size
		}
		if ours, ok := it.root(); ok && h.Digest != "" && h.Digest != hex.EncodeToString(ours[:]) {
			r.Error = "what the server stored is not what was read: its digest differs"
		}
	}
	it.ackedLen, it.state = it.size, ended
	it.leaves, it.acked, it.again = nil, nil, nil
	if r.Error == "" {
		s.done++
	} else {
		s.failed++
	}
	s.wake()
	return r
}

// fail ends a file that cannot be sent.
func (s *schedule) fail(it *item, reason string) (Result, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if it.state == ended {
		return Result{}, false
	}
	return s.end(it, hsu.Have{State: hsu.StateFailed, Error: reason}), true
}

// redeclare makes every open file known to the server again; with anew, as files of another session, whose blocks are all to be
// sent.
func (s *schedule) redeclare(anew bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if anew {
		s.session++
	}
	for _, it := range s.items {
		if it.state == ended {
			continue
		}
		it.declared = false
		if !anew {
			continue
		}
		s.count(it, false)
		if it.state == open {
			s.ahead -= it.size - it.ackedLen
		}
		s.acked -= it.ackedLen
		it.state, it.acked, it.ackedLen, it.next, it.again = waiting, nil, 0, 0, nil
	}
	s.wake()
}

// grew says how large a growing file is now, and with whole that it is complete.
func (s *schedule) grew(it *item, size, modified int64, whole bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if it.state == ended {
		return
	}
	s.total += size - it.size
	if it.state == open {
		s.ahead += size - it.size
	}
	it.size, it.modified = size, modified
	if whole {
		it.growing, it.declared = false, false
	}
	if it.state == open && !whole { // the rest goes when the server knows the size
		s.order = append(s.order, it)
	}
	s.wake()
}

func (s *schedule) wrote(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sent += int64(n)
}

// idle waits until something changes, for at most d, and says whether ctx did not end meanwhile.
func (s *schedule) idle(ctx context.Context, changed <-chan struct{}, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-changed:
	case <-t.C:
	case <-ctx.Done():
		return false
	}
	return true
}

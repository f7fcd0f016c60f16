package quota

import (
	"context"
	"io"
	"sync"

	"sluice/catalog"
)

// leastAhead and mostAhead bound what is reserved for a file of unknown length beside what came of it: as much again as came.
const (
	leastAhead = 8 << 20
	mostAhead  = 256 << 20
)

// Room is room for one file that comes in. For one whose length is known all of it is reserved at once. Of another nobody knows how much
// it will need: there is always some room ahead of what came, so that many small files do not fill a volume that has room for them, and
// a long one meets its account's quota, or the end of the volume, on its way. It is safe for concurrent use; nil has no bounds.
type Room struct {
	hold  *Hold
	leave func() // ends the session
	grows bool

	mu    sync.Mutex // guards what follows
	came  int64
	asked int64 // reserved in all
}

// Reserve reserves room for a file of an account, of so many bytes; below 0 nobody knows how many. It is refused as a hold is, and
// with ErrSessions when that many files of the account come in already. The room is to be released, which nil may be, too.
func (l *Limits) Reserve(ctx context.Context, id catalog.AccountID, bytes int64) (*Room, error) {
	leave, err := l.session(ctx, id)
	if err != nil {
		return nil, err
	}
	r := &Room{hold: l.Hold(id), leave: leave}
	if r.grows = bytes < 0; r.grows {
		bytes = leastAhead
	}
	if err := r.hold.Add(ctx, bytes); err != nil {
		leave()
		return nil, err
	}
	r.asked = bytes
	return r, nil
}

// Take asks for room for the next n bytes; an error says that there is none, and they must not be kept. It seldom asks for more than
// it has.
func (r *Room) Take(ctx context.Context, n int) error {
	if r == nil || !r.grows {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	came := r.came + int64(n)
	ahead := min(max(came, leastAhead), mostAhead)
	if came > r.asked-ahead/2 {
		more := came + ahead - r.asked
		err := r.hold.Add(ctx, more)
		if err != nil && came > r.asked { // close to the end
			more = came - r.asked
			err = r.hold.Add(ctx, more)
		}
		if err == nil {
			r.asked += more
		} else if came > r.asked {
			return err
		}
	}
	r.came = came
	r.hold.landed(int64(n))
	return nil
}

// Reader gives what src gives, as far as there is room for it.
func (r *Room) Reader(ctx context.Context, src io.Reader) io.Reader {
	if r == nil || !r.grows {
		return src
	}
	return &roomReader{ctx, r, src}
}

type roomReader struct {
	ctx  context.Context
	room *Room
	src  io.Reader
}

// Read implements io.Reader. What there is no room for is not given.
func (r *roomReader) Read(b []byte) (int, error) {
	n, err := r.src.Read(b)
	if full := r.room.Take(r.ctx, n); full != nil {
		return 0, full
	}
	return n, err
}

// Release gives everything back. Releasing again does nothing.
func (r *Room) Release() {
	if r == nil {
		return
	}
	r.hold.Release()
	r.leave()
}

package quota

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"sluice/catalog"
)

// ErrStorage says that an account would keep more than its quota. It is a catalog.ErrQuota; a volume that has no room is
// storage.ErrFull.
var ErrStorage = fmt.Errorf("%w: storage", catalog.ErrQuota)

// unknownSize is what is reserved for a file whose size is not known.
const unknownSize = 1 << 30

// Hold is room that is reserved for bytes that are to come. It is safe for concurrent use.
type Hold struct {
	limits  *Limits
	account catalog.AccountID

	mu   sync.Mutex
	left int64
}

// Hold reserves room for bytes of an account (below 0: the size is not known) within its storage quota and on the volumes, or
// returns ErrStorage or storage.ErrFull. A nil hold of nil limits holds nothing.
func (l *Limits) Hold(ctx context.Context, id catalog.AccountID, bytes int64) (*Hold, error) {
	if l == nil {
		return nil, nil
	}
	if bytes < 0 {
		bytes = unknownSize
	}
	detail, err := l.account(ctx, id)
	if err != nil {
		return nil, err
	}
	quota := l.cfg.Storage
	if detail.Storage > 0 {
		quota = detail.Storage
	}
	var stored int64
	if quota > 0 {
		if stored, err = l.stored(ctx, id); err != nil {
			return nil, err
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if held := l.reserved[id]; quota > 0 && stored+held > quota-bytes {
		refused.WithLabelValues("quota").Inc()
		return nil, fmt.Errorf("%w: account %d keeps %s, %s more are on their way, and %s would exceed its %s",
			ErrStorage, id, size(stored), size(held), size(bytes), size(quota))
	}
	if l.cfg.Admit != nil {
		if err := l.cfg.Admit(l.total + bytes); err != nil {
			refused.WithLabelValues("full").Inc()
			return nil, err
		}
	}
	l.reserved[id] += bytes
	l.total += bytes
	return &Hold{limits: l, account: id, left: bytes}, nil
}

// Arrived says that n of the bytes are here: what is on disk needs no reservation there, though it counts for the quota only
// once it is stored.
func (h *Hold) Arrived(n int64) {
	if h == nil {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.give(min(n, h.left))
}

// Release gives back what is left. Releasing again does nothing.
func (h *Hold) Release() {
	if h == nil {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.give(h.left)
}

func (h *Hold) give(n int64) {
	h.left -= n
	l := h.limits
	l.mu.Lock()
	defer l.mu.Unlock()
	l.total -= n
	if l.reserved[h.account] -= n; l.reserved[h.account] == 0 {
		delete(l.reserved, h.account)
	}
}

// Reserve is Hold for who does not tell what arrives.
func (l *Limits) Reserve(ctx context.Context, id catalog.AccountID, bytes int64) (release func(), err error) {
	h, err := l.Hold(ctx, id, bytes)
	if err != nil {
		return func() {}, err
	}
	return h.Release, nil
}

// stored is what the account keeps, at most accountAge old.
func (l *Limits) stored(ctx context.Context, id catalog.AccountID) (int64, error) {
	l.mu.Lock()
	k := l.details[id]
	l.mu.Unlock()
	if l.now().Sub(k.sized) < accountAge {
		return k.stored, nil
	}
	n, err := l.cfg.Accounts.StoredBytes(ctx, id)
	if err != nil {
		return 0, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	k = l.details[id]
	k.stored, k.sized = n, l.now()
	l.details[id] = k
	return n, nil
}

// Refused says whether an error is a refusal of this package: more will be possible when something is removed.
func Refused(err error) bool { return errors.Is(err, ErrStorage) }

func size(n int64) string { return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20)) }

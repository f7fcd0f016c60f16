package quota

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"sluice/catalog"
)

// ErrStorage says that an account would keep more than its quota. It is a catalog.ErrQuota; a volume that has no room is
// storage.ErrFull.
var ErrStorage = fmt.Errorf("%w: storage", catalog.ErrQuota)

// ErrInFlight says that too many bytes of an account are on their way already, ErrSessions that too many of its files are.
var (
	ErrInFlight = fmt.Errorf("%w: bytes in flight", catalog.ErrQuota)
	ErrSessions = fmt.Errorf("%w: sessions", catalog.ErrQuota)
)

// unknownSize is what is reserved for a file whose size is not known.
const unknownSize = 1 << 30

// Hold is room that is reserved for bytes that are to come. It is safe for concurrent use.
type Hold struct {
	limits  *Limits
	account catalog.AccountID
	here    bool // the bytes are on a volume of this machine already

	mu   sync.Mutex
	left int64
}

// Hold makes a hold of an account that holds nothing yet; that of nil limits never does.
func (l *Limits) Hold(id catalog.AccountID) *Hold { return &Hold{limits: l, account: id} }

// Add reserves room for more bytes (below 0: nobody knows how many) within the account's storage quota, in what it may have on the way
// to this server, and on the volumes, or returns ErrStorage, ErrInFlight or storage.ErrFull.
func (h *Hold) Add(ctx context.Context, bytes int64) error {
	l := h.limits
	if l == nil {
		return nil
	}
	if bytes < 0 {
		bytes = unknownSize
	}
	quota, stored, err := l.room(ctx, h.account)
	if err != nil {
		return err
	}
	limits, err := l.limitsOf(ctx, h.account)
	if err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	if held := l.reserved[h.account]; quota > 0 && stored+held > quota-bytes {
		refused.WithLabelValues("quota").Inc()
		return fmt.Errorf("%w: account %d keeps %s, %s more are on their way, and %s would exceed its %s",
			ErrStorage, h.account, size(stored), size(held), size(bytes), size(quota))
	}
	if held, most := l.reserved[h.account], limits.InFlight; most > 0 && held > most-bytes {
		refused.WithLabelValues("in_flight").Inc()
		return fmt.Errorf("%w: %s of account %d are on their way to this server, and %s would exceed its %s",
			ErrInFlight, size(held), h.account, size(bytes), size(most))
	}
	if l.cfg.Admit != nil && !h.here {
		if err := l.cfg.Admit(l.total + bytes); err != nil {
			refused.WithLabelValues("full").Inc()
			return err
		}
	}
	l.reserved[h.account] += bytes
	if !h.here {
		l.total += bytes
	}
	h.left += bytes
	return nil
}

// room is the account's quota, 0 for none, and what of it is used.
func (l *Limits) room(ctx context.Context, id catalog.AccountID) (quota, stored int64, err error) {
	detail, err := l.details(ctx, id)
	if err != nil {
		return 0, 0, err
	}
	if quota = l.cfg.Storage; detail.Storage > 0 {
		quota = detail.Storage
	}
	if quota > 0 {
		stored, err = l.stored(ctx, id)
	}
	return quota, stored, err
}

// Arrived says that n of the bytes are here: what is on disk needs no reservation there, though it counts for the quota only
// once it is stored.
func (h *Hold) Arrived(n int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.give(min(n, h.left))
}

// Release gives back what is left. Releasing again does nothing. What the account keeps is counted anew when it is asked for next:
// what was held may be stored now.
func (h *Hold) Release() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.left > 0 {
		h.give(h.left)
		h.limits.forget(h.account)
	}
}

func (h *Hold) give(n int64) {
	l := h.limits
	if l == nil || n == 0 {
		return
	}
	h.left -= n
	l.mu.Lock()
	defer l.mu.Unlock()
	if !h.here {
		l.total -= n
	}
	if l.reserved[h.account] -= n; l.reserved[h.account] == 0 {
		delete(l.reserved, h.account)
	}
}

// Reserve is a hold of the bytes of one file for who does not tell what arrives. It is refused with ErrSessions too, when that many files of
// the account come in already. The release may be called always, and several times.
func (l *Limits) Reserve(ctx context.Context, id catalog.AccountID, bytes int64) (release func(), err error) {
	leave, err := l.session(ctx, id)
	if err != nil {
		return leave, err
	}
	h := l.Hold(id)
	return func() { h.Release(); leave() }, h.Add(ctx, bytes)
}

// session counts one more file of the account that comes in, until leave is called.
func (l *Limits) session(ctx context.Context, id catalog.AccountID) (leave func(), err error) {
	if l == nil {
		return func() {}, nil
	}
	limits, err := l.limitsOf(ctx, id)
	if err != nil {
		return func() {}, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if most := limits.Sessions; most > 0 && l.sessions[id] >= most {
		refused.WithLabelValues("sessions").Inc()
		return func() {}, fmt.Errorf("%w: %d files of account %d are on their way to this server, which is its limit", ErrSessions, most, id)
	}
	l.sessions[id]++
	return sync.OnceFunc(func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.sessions[id]--; l.sessions[id] == 0 {
			delete(l.sessions, id)
		}
	}), nil
}

// limitsOf are the limits of an account.
func (l *Limits) limitsOf(ctx context.Context, id catalog.AccountID) (catalog.Limits, error) {
	d, err := l.details(ctx, id)
	return d.Or(l.cfg.Limits), err
}

// forget lets what the account keeps be counted anew.
func (l *Limits) forget(id catalog.AccountID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	k := l.known[id]
	k.sized = time.Time{}
	l.known[id] = k
}

// Keep is Reserve for bytes that are on a volume of this machine already: only the account's quota is asked.
func (l *Limits) Keep(ctx context.Context, id catalog.AccountID, bytes int64) (release func(), err error) {
	h := l.Hold(id)
	h.here = true
	return h.Release, h.Add(ctx, bytes)
}

// stored is what the account keeps, at most accountAge old.
func (l *Limits) stored(ctx context.Context, id catalog.AccountID) (int64, error) {
	l.mu.Lock()
	k := l.known[id]
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
	k = l.known[id]
	k.stored, k.sized = n, l.now()
	l.known[id] = k
	return n, nil
}

// Refused says whether an error is a refusal of this package: more will be possible when something is removed, or
// has come.
func Refused(err error) bool {
	return errors.Is(err, ErrStorage) || errors.Is(err, ErrInFlight) || errors.Is(err, ErrSessions)
}

func size(n int64) string { return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20)) }

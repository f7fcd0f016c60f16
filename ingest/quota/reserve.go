package quota

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"sluice/catalog"
	"sluice/storage"
)

// ErrStorage says that an account would keep more than its quota. It is a catalog.ErrQuota; a volume that has no room is
// storage.ErrFull.
var ErrStorage = fmt.Errorf("%w: storage", catalog.ErrQuota)

// ErrInFlight says that too many bytes of an account are on their way already, ErrSessions that too many of its files are.
var (
	ErrInFlight = fmt.Errorf("%w: bytes in flight", catalog.ErrQuota)
	ErrSessions = fmt.Errorf("%w: sessions", catalog.ErrQuota)
)

// Hold is room that is reserved for bytes that are to come. It is safe for concurrent use.
type Hold struct {
	limits  *Limits
	account catalog.AccountID
	here    bool // the bytes are on a volume of this machine already

	mu   sync.Mutex // guards what follows
	left int64
	disk int64 // of left: what the volumes still have to have room for
}

// Hold makes a hold of an account that holds nothing yet; that of nil limits never does.
func (l *Limits) Hold(id catalog.AccountID) *Hold { return &Hold{limits: l, account: id} }

// Add reserves room for more bytes within the account's storage quota and in what it may have on its way, to whichever node, and on
// the volumes of this one, or returns ErrStorage, ErrInFlight or storage.ErrFull.
func (h *Hold) Add(ctx context.Context, bytes int64) error {
	l := h.limits
	if l == nil {
		return nil
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
	fits := func(counted int64) error { return h.fits(bytes, counted, stored, quota, limits.InFlight) }
	err = l.ask(ctx, h.account, func() error { return h.take(bytes, fits) })
	if err != nil {
		return err
	}
	l.mu.Lock()
	used := l.here(h.account).bytes + l.others(h.account).bytes
	l.mu.Unlock()
	if quota > 0 || limits.InFlight > 0 {
		l.tell(ctx, h.account, little(stored+used, quota) || little(used, limits.InFlight))
	}
	l.mu.Lock()
	err = fits(bytes) // with what other nodes hold now
	l.mu.Unlock()
	if err != nil {
		h.give(bytes)
		countRefusal(err)
	}
	return err
}

// ask does what may be refused for what other nodes held when they were heard last: then they are asked, and it is done again.
func (l *Limits) ask(ctx context.Context, id catalog.AccountID, do func() error) error {
	err := do()
	if err == nil {
		return nil
	}
	l.mu.Lock()
	elsewhere := l.others(id) != held{}
	l.mu.Unlock()
	if elsewhere && Refused(err) {
		l.say(ctx, id)
		err = do()
	}
	countRefusal(err)
	return err
}

func countRefusal(err error) {
	for why, is := range map[string]error{"quota": ErrStorage, "in_flight": ErrInFlight, "sessions": ErrSessions, "full": storage.ErrFull} {
		if errors.Is(err, is) {
			refused.WithLabelValues(why).Inc()
		}
	}
}

// fits says why so many more bytes, of which some are counted already, may not be held. The caller holds the limits' mutex.
func (h *Hold) fits(bytes, counted, stored, quota, most int64) error {
	l := h.limits
	all := l.here(h.account).bytes + l.others(h.account).bytes - counted
	switch {
	case quota > 0 && stored+all > quota-bytes:
		return fmt.Errorf("%w: account %d keeps %s, %s more are on their way, and %s would exceed its %s",
			ErrStorage, h.account, size(stored), size(all), size(bytes), size(quota))
	case most > 0 && all > most-bytes:
		return fmt.Errorf("%w: %s of account %d are on their way, and %s would exceed its %s",
			ErrInFlight, size(all), h.account, size(bytes), size(most))
	}
	return nil
}

// take books bytes that fit, on the volumes too. The caller holds the hold's mutex.
func (h *Hold) take(bytes int64, fits func(counted int64) error) error {
	l := h.limits
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := fits(0); err != nil {
		return err
	}
	if l.cfg.Admit != nil && !h.here {
		if err := l.cfg.Admit(l.total + bytes); err != nil {
			return err
		}
	}
	l.reserved[h.account] += bytes
	h.left += bytes
	if !h.here {
		l.total += bytes
		h.disk += bytes
	}
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

// landed says that n of the bytes take room on the volumes already, which therefore need not be asked for them any more. The account
// has them on their way until they are stored.
func (h *Hold) landed(n int64) {
	l := h.limits
	if l == nil {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	n = min(n, h.disk)
	h.disk -= n
	l.mu.Lock()
	defer l.mu.Unlock()
	l.total -= n
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
	room := min(n, h.disk)
	h.disk -= room
	l.mu.Lock()
	defer l.mu.Unlock()
	l.total -= room
	if l.reserved[h.account] -= n; l.reserved[h.account] == 0 {
		delete(l.reserved, h.account)
	}
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
	fits := func(counted int64) error { // the caller holds the mutex
		all := l.here(id).sessions + l.others(id).sessions - counted
		if most := limits.Sessions; most > 0 && all >= most {
			return fmt.Errorf("%w: %d files of account %d are on their way, and %d is its limit", ErrSessions, all, id, most)
		}
		return nil
	}
	var used int64
	err = l.ask(ctx, id, func() error {
		l.mu.Lock()
		defer l.mu.Unlock()
		if err := fits(0); err != nil {
			return err
		}
		l.sessions[id]++
		used = l.here(id).sessions + l.others(id).sessions
		return nil
	})
	if err != nil {
		return func() {}, err
	}
	leave = sync.OnceFunc(func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.sessions[id]--; l.sessions[id] == 0 {
			delete(l.sessions, id)
		}
	})
	if limits.Sessions > 0 {
		l.tell(ctx, id, little(used, limits.Sessions))
	}
	l.mu.Lock()
	err = fits(1) // with what other nodes hold now
	l.mu.Unlock()
	if err != nil {
		leave()
		countRefusal(err)
		return func() {}, err
	}
	return leave, nil
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

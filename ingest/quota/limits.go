package quota

import (
	"context"
	"crypto/rand"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"sluice/catalog"
	"sluice/internal/pace"
)

// Accounts is what limits need of the catalog; *catalog.DB has it.
type Accounts interface {
	Account(ctx context.Context, id catalog.AccountID) (catalog.Account, error)
	StoredBytes(ctx context.Context, id catalog.AccountID) (int64, error)
}

// Config says what limits are.
type Config struct {
	Accounts Accounts
	// Redis is where nodes tell each other what their transfers want, and hold; nil when this process is the only one.
	Redis redis.UniversalClient
	// Node names this process among them; "" for a random name.
	Node string
	// Rate, in bytes a second, and Storage, in bytes, are the limits of accounts that have none of their own; 0 for none.
	Rate, Storage int64
	// Limits are those of accounts that have none of their own: InFlight and Sessions count here.
	Limits catalog.Limits
	// Admit, when set, is asked whether the volumes have room for so many more bytes.
	Admit func(grows int64) error
	Log   *slog.Logger
}

// accountAge is how long what is known of an account counts.
const accountAge = 5 * time.Second

// Limits are the limits of all accounts. It is safe for concurrent use; a nil *Limits limits nothing.
type Limits struct {
	cfg   Config
	now   func() time.Time
	sleep func(ctx context.Context, d time.Duration) error

	mu       sync.Mutex // guards what follows; taken before a link's
	links    map[catalog.AccountID]*link
	known    map[catalog.AccountID]known
	reserved map[catalog.AccountID]int64
	sessions map[catalog.AccountID]int64 // files that come in
	total    int64                       // of reserved
	// elsewhere is what the other nodes hold of accounts of which this one holds something, telling that they are told of it.
	elsewhere map[catalog.AccountID]heard
	telling   bool
	unheard   time.Time // when Redis could not be asked last
}

// known is what was last read of an account.
type known struct {
	at     time.Time
	detail catalog.AccountDetails
	stored int64
	sized  time.Time
}

// New returns limits. Transfers own what runs for them: nothing has to be closed but they.
func New(cfg Config) *Limits {
	if cfg.Node == "" {
		cfg.Node = rand.Text()
	}
	return &Limits{
		cfg: cfg, now: time.Now, sleep: sleep, links: map[catalog.AccountID]*link{}, known: map[catalog.AccountID]known{},
		reserved: map[catalog.AccountID]int64{}, sessions: map[catalog.AccountID]int64{}, elsewhere: map[catalog.AccountID]heard{},
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (l *Limits) log() *slog.Logger {
	if l.cfg.Log != nil {
		return l.cfg.Log
	}
	return slog.Default()
}

// details of an account, at most accountAge old.
func (l *Limits) details(ctx context.Context, id catalog.AccountID) (catalog.AccountDetails, error) {
	l.mu.Lock()
	k, ok := l.known[id]
	l.mu.Unlock()
	if ok && l.now().Sub(k.at) < accountAge {
		return k.detail, nil
	}
	a, err := l.cfg.Accounts.Account(ctx, id)
	if err != nil {
		return catalog.AccountDetails{}, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	k = l.known[id]
	k.at, k.detail = l.now(), a.Details
	l.known[id] = k
	return a.Details, nil
}

// rateOf is the rate of an account's link in bytes a second; 0 for no limit.
func (l *Limits) rateOf(ctx context.Context, id catalog.AccountID) (int64, error) {
	d, err := l.details(ctx, id)
	if err != nil {
		return 0, err
	}
	if d.UploadRate > 0 {
		return max(d.UploadRate/8, 1), nil
	}
	return l.cfg.Rate, nil
}

// Join adds a transfer to the account's link, with a weight, and bytes a second that it never exceeds (0 for no such bound). The
// share is nil, and lets everything pass, when the account has no limit.
func (l *Limits) Join(ctx context.Context, id catalog.AccountID, weight, most int64) (*Share, error) {
	if l == nil {
		return nil, nil
	}
	rate, err := l.rateOf(ctx, id)
	if err != nil || rate == 0 {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	k := l.links[id]
	if k == nil {
		k = &link{limits: l, account: id, rate: rate, shares: map[*Share]struct{}{}, done: make(chan struct{})}
		run, stop := context.WithCancel(context.WithoutCancel(ctx))
		k.stop = stop
		l.links[id] = k
		defer func() { go k.run(run) }() // when the first share is in
	}
	s := &Share{link: k, weight: max(weight, 1), most: most, demand: unlimited, pace: pace.New(burst)}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.shares[s] = struct{}{}
	k.divide()
	transfers.Inc()
	return s, nil
}

// leave takes a transfer off its link; the last one ends the link, and waits for that.
func (l *Limits) leave(s *Share) {
	k := s.link
	l.mu.Lock()
	k.mu.Lock()
	_, in := k.shares[s]
	delete(k.shares, s)
	last := in && len(k.shares) == 0
	if in {
		transfers.Dec()
	}
	switch {
	case last:
		delete(l.links, k.account)
	case in:
		k.divide()
	}
	k.mu.Unlock()
	l.mu.Unlock()
	if last {
		k.stop()
		<-k.done
	}
}

// Reader makes r a transfer of the account: reading waits for the account's link. Without a limit it is r itself. The transfer
// ends with an error of r, io.EOF among them, or with ctx.
func (l *Limits) Reader(ctx context.Context, id catalog.AccountID, r io.Reader) io.Reader {
	if l == nil {
		return r
	}
	s, err := l.Join(ctx, id, Fair, 0)
	if err != nil {
		l.log().Warn("an account's rate is not known: this transfer is not limited", "account", id, "error", err)
		return r
	}
	if s == nil {
		return r
	}
	out := &reader{ctx: ctx, r: r, share: s}
	out.cancel = context.AfterFunc(ctx, s.Close)
	return out
}

type reader struct {
	ctx    context.Context //nolint:containedctx // a reader has no other way to learn when its transfer ends
	r      io.Reader
	share  *Share
	cancel func() bool
}

func (r *reader) Read(p []byte) (int, error) {
	if len(p) > 0 {
		p = p[:min(len(p), r.share.piece())]
	}
	n, err := r.r.Read(p)
	if n > 0 && err == nil {
		err = r.share.Take(r.ctx, n)
	}
	if err != nil && r.cancel() {
		r.share.Close()
	}
	return n, err
}

package quota

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"sluice/catalog"
	"sluice/pipeline/redisd"
	"sluice/storage"
)

const account catalog.AccountID = 101

// accounts has one account.
type accounts struct {
	detail catalog.AccountDetails
	stored int64
}

func (a *accounts) Account(_ context.Context, id catalog.AccountID) (catalog.Account, error) {
	if id != account {
		return catalog.Account{}, catalog.ErrNotFound
	}
	return catalog.Account{ID: id, Details: a.detail}, nil
}

func (a *accounts) StoredBytes(context.Context, catalog.AccountID) (int64, error) {
	return a.stored, nil
}

// clock is a time that passes only while somebody sleeps.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) time() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) sleep(ctx context.Context, d time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	return ctx.Err()
}

func newLimits(t *testing.T, a *accounts, r redis.UniversalClient, node string) (*Limits, *clock) {
	t.Helper()
	c := &clock{now: time.Unix(1_800_000_000, 0)}
	l := New(Config{Accounts: a, Redis: r, Node: node})
	l.now, l.sleep = c.time, c.sleep
	return l, c
}

func TestWithoutALimitTheReaderIsTheCallers(t *testing.T) {
	l, _ := newLimits(t, &accounts{}, nil, "")
	r := strings.NewReader("x")
	if got := l.Reader(t.Context(), account, r); got != io.Reader(r) {
		t.Errorf("the reader is a %T", got)
	}
	if got := (*Limits)(nil).Reader(t.Context(), account, r); got != io.Reader(r) {
		t.Errorf("without limits the reader is a %T", got)
	}
}

func TestAReaderTakesAsLongAsTheLinkSays(t *testing.T) {
	l, c := newLimits(t, &accounts{detail: catalog.AccountDetails{UploadRate: 8 << 20}}, nil, "") // 1 MiB/s
	start := c.time()
	n, err := io.Copy(io.Discard, l.Reader(t.Context(), account, io.LimitReader(zeros{}, 10<<20)))
	if err != nil || n != 10<<20 {
		t.Fatalf("read %d, %v", n, err)
	}
	if took := c.time().Sub(start); took < 9700*time.Millisecond || took > 10*time.Second {
		t.Errorf("10 MiB at 1 MiB/s took %v of the clock", took)
	}
	if len(l.links) != 0 {
		t.Errorf("the link outlives its last transfer")
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

func TestAReaderEndsWithItsContext(t *testing.T) {
	l := New(Config{Accounts: &accounts{detail: catalog.AccountDetails{UploadRate: 800}}}) // 100 B/s of the real clock
	ctx, cancel := context.WithCancel(t.Context())
	r := l.Reader(ctx, account, zeros{})
	cancel()
	if _, err := io.Copy(io.Discard, r); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

func TestTransfersOfAnAccountShareItsLink(t *testing.T) {
	l, _ := newLimits(t, &accounts{detail: catalog.AccountDetails{UploadRate: 8000}}, nil, "")
	var shares []*Share
	for _, weight := range []int64{Fair, Fair, High} {
		s, err := l.Join(t.Context(), account, weight, 0)
		if err != nil {
			t.Fatal(err)
		}
		shares = append(shares, s)
	}
	// The seconds pass by hand.
	k := shares[0].link
	k.stop()
	<-k.done
	rates := func() (out []int64) {
		for _, s := range shares {
			out = append(out, s.Report().Rate)
		}
		return out
	}
	if got := rates(); got[0] != 250 || got[1] != 250 || got[2] != 500 {
		t.Errorf("rates %v, want 250, 250 and 500", got)
	}
	// While the third is idle and the others wait, its part goes to them, save what lets it begin again; but not at once.
	for i := range young + 1 {
		if err := errors.Join(shares[0].Take(t.Context(), 1000), shares[1].Take(t.Context(), 1000)); err != nil {
			t.Fatal(err)
		}
		k.turn()
		k.hear(1000, nil, true)
		if got := rates(); i+1 < young && got[2] != 500 {
			t.Errorf("rates %v after %d seconds, want 500 for the one that only begins", got, i+1)
		}
	}
	k.hear(1<<20, nil, true)
	if got := rates(); got[2] != least || got[0] != (1<<20-least)/2 || got[0] != got[1] {
		t.Errorf("rates %v, want %d for the one that is idle and the rest for the others", got, least)
	}
	if r := shares[0].Report(); !r.Limited || r.Transfers != 3 || r.Cap != 1<<20 {
		t.Errorf("report %+v", r)
	}
	shares[2].Close()
	shares[2].Close()
	if got := shares[0].Report(); got.Rate != 1<<19 || got.Transfers != 2 {
		t.Errorf("after one left: %+v", got)
	}
	shares[0].Close()
	shares[1].Close()
}

func TestATransferNeverExceedsItsOwnBound(t *testing.T) {
	l, _ := newLimits(t, &accounts{detail: catalog.AccountDetails{UploadRate: 8000}}, nil, "")
	s, err := l.Join(t.Context(), account, High, 100)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if got := s.Report().Rate; got != 100 {
		t.Errorf("rate %d, want 100", got)
	}
}

// twoNodes are the limits of two nodes with a Redis and a clock in common.
func twoNodes(t *testing.T, a *accounts) ([]*Limits, *clock, *redis.Client) {
	t.Helper()
	srv, err := redisd.Start(t.Context(), redisd.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { srv.Close() })
	client := redis.NewClient(srv.Options())
	t.Cleanup(func() { client.Close() })
	first, now := newLimits(t, a, client, "a")
	second, _ := newLimits(t, a, client, "b")
	second.now, second.sleep = now.time, now.sleep
	return []*Limits{first, second}, now, client
}

func TestNodesShareALinkThroughRedis(t *testing.T) {
	nodes, _, _ := twoNodes(t, &accounts{detail: catalog.AccountDetails{UploadRate: 8_000_000}})
	var shares []*Share
	for _, l := range nodes {
		for range 2 {
			s, err := l.Join(t.Context(), account, Fair, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			shares = append(shares, s)
		}
	}
	// Everybody wants more than there is. A busy Redis may not be heard at once.
	all := func() bool {
		return !slices.ContainsFunc(shares, func(s *Share) bool { return s.Report().Transfers != 4 })
	}
	for round := 0; round < 2 || round < 200 && !all(); round++ {
		for _, s := range shares {
			if err := s.Take(t.Context(), 100_000); err != nil {
				t.Fatal(err)
			}
		}
		shares[0].link.second(t.Context())
		shares[2].link.second(t.Context())
	}
	for i, s := range shares {
		if r := s.Report(); r.Transfers != 4 {
			t.Errorf("transfer %d knows of %d transfers, want 4: %+v", i, r.Transfers, r)
		}
	}
	if _, heard := shares[0].link.limits.exchange(canceled(t), account, nil); heard {
		t.Error("an exchange without Redis says that it heard others")
	}
}

func canceled(t *testing.T) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}

func TestRoomIsReserved(t *testing.T) {
	free := int64(10_000)
	a := &accounts{detail: catalog.AccountDetails{Storage: 1000}, stored: 400}
	l := New(Config{Accounts: a, Admit: func(grows int64) error {
		if grows > free {
			return storage.ErrFull
		}
		return nil
	}})
	room, err := l.Reserve(t.Context(), account, 500)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Reserve(t.Context(), account, 101); !errors.Is(err, ErrStorage) || !errors.Is(err, catalog.ErrQuota) || !Refused(err) {
		t.Errorf("beyond the quota: %v", err)
	}
	if _, err := l.Reserve(t.Context(), account, -1); !errors.Is(err, ErrStorage) {
		t.Errorf("of unknown size: %v", err)
	}
	room.Release()
	room.Release()
	free = 300
	if _, err := l.Reserve(t.Context(), account, 301); !errors.Is(err, storage.ErrFull) {
		t.Errorf("on a full volume: %v", err)
	}
	h := l.Hold(account)
	if err := h.Add(t.Context(), 300); err != nil {
		t.Fatal(err)
	}
	free = 100 // 200 of the 300 are on the volume
	h.Arrived(200)
	if _, err := l.Reserve(t.Context(), account, 1); !errors.Is(err, storage.ErrFull) {
		t.Errorf("beside 100 that are on their way: %v", err)
	}
	h.Arrived(1000)
	if r, err := l.Reserve(t.Context(), account, 100); err != nil {
		t.Errorf("when they are here: %v", err)
	} else {
		r.Release()
	}
	h.Release()
	if l.total != 0 || len(l.reserved) != 0 {
		t.Errorf("%d bytes, %v stay reserved", l.total, l.reserved)
	}
	if _, err := l.Reserve(t.Context(), 999, 1); !errors.Is(err, catalog.ErrNotFound) {
		t.Errorf("of an unknown account: %v", err)
	}
}

func TestWhatIsOnItsWayIsBounded(t *testing.T) {
	a := &accounts{detail: catalog.AccountDetails{Limits: catalog.Limits{Sessions: 2}}}
	l := New(Config{Accounts: a, Limits: catalog.Limits{InFlight: 100, Sessions: 50}})
	var free []func()
	reserve := func(bytes int64) error {
		room, err := l.Reserve(t.Context(), account, bytes)
		free = append(free, room.Release)
		return err
	}
	if err := reserve(60); err != nil {
		t.Fatal(err)
	}
	if err := reserve(41); !errors.Is(err, ErrInFlight) || !errors.Is(err, catalog.ErrQuota) || !Refused(err) || !strings.Contains(err.Error(), "account 101") {
		t.Errorf("101 of 100 bytes: %v", err)
	}
	free[1]()
	if err := reserve(40); err != nil {
		t.Errorf("all of it: %v", err)
	}
	if err := reserve(0); !errors.Is(err, ErrSessions) || !errors.Is(err, catalog.ErrQuota) || !Refused(err) || !strings.Contains(err.Error(), "2 files") {
		t.Errorf("a third session of two: %v", err)
	}
	free[0]()
	free[0]()
	if err := reserve(60); err != nil {
		t.Errorf("when one has come: %v", err)
	}
	for _, release := range free {
		release()
	}
	if l.total != 0 || len(l.reserved) != 0 || len(l.sessions) != 0 {
		t.Errorf("%d bytes, %v and %v are left", l.total, l.reserved, l.sessions)
	}
}

func TestNodesShareWhatIsOnItsWay(t *testing.T) {
	a := &accounts{detail: catalog.AccountDetails{Limits: catalog.Limits{InFlight: 100, Sessions: 3}}}
	nodes, now, client := twoNodes(t, a)
	reserve := func(node int, bytes int64, want error) func() {
		t.Helper()
		room, err := nodes[node].Reserve(t.Context(), account, bytes)
		if !errors.Is(err, want) {
			t.Errorf("%d bytes on node %d: %v, want %v", bytes, node, err, want)
		}
		return room.Release
	}
	first := reserve(0, 60, nil)
	reserve(1, 41, ErrInFlight)
	second := reserve(1, 40, nil)
	reserve(0, 1, ErrInFlight)
	third := reserve(0, 0, nil)
	reserve(1, 0, ErrSessions)
	first()
	nodes[0].say(t.Context(), account) // as each second
	fourth := reserve(1, 60, nil)
	// What is kept and what is on its way to any node are one quota.
	third()
	second()
	nodes[0].say(t.Context(), account)
	a.detail, a.stored = catalog.AccountDetails{Storage: 200}, 100
	now.sleep(t.Context(), 2*accountAge)
	nodes[1].say(t.Context(), account)
	reserve(0, 41, ErrStorage)
	fifth := reserve(0, 40, nil)
	// A node that is gone holds nothing after a while.
	now.sleep(t.Context(), 2*fresh)
	reserve(0, 60, nil)()
	fourth()
	fifth()
	for _, l := range nodes {
		l.say(t.Context(), account)
		if len(l.elsewhere) != 0 || l.total != 0 || len(l.reserved) != 0 || len(l.sessions) != 0 {
			t.Errorf("%v, %d, %v, %v are left", l.elsewhere, l.total, l.reserved, l.sessions)
		}
	}
	if n, err := client.Exists(t.Context(), heldKey(account)).Result(); err != nil || n != 0 {
		t.Errorf("%d keys are left, %v", n, err)
	}
}

func TestWithoutRedisWhatIsHereCounts(t *testing.T) {
	a := &accounts{detail: catalog.AccountDetails{Limits: catalog.Limits{InFlight: 100}}}
	client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1", MaxRetries: -1})
	defer client.Close()
	l, _ := newLimits(t, a, client, "a")
	room, err := l.Reserve(t.Context(), account, 60)
	if err != nil {
		t.Fatal(err)
	}
	defer room.Release()
	if _, err := l.Reserve(t.Context(), account, 41); !errors.Is(err, ErrInFlight) {
		t.Errorf("101 of 100 bytes: %v", err)
	}
}

func TestWhatIsHereNeedsNoRoomOnTheVolume(t *testing.T) {
	a := &accounts{detail: catalog.AccountDetails{Storage: 100}}
	l, _ := newLimits(t, a, nil, "")
	asked := 0
	l.cfg.Admit = func(int64) error { asked++; return storage.ErrFull }
	free, err := l.Keep(t.Context(), account, 60)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Keep(t.Context(), account, 41); !errors.Is(err, ErrStorage) {
		t.Errorf("101 of 100 bytes: %v", err)
	}
	a.stored = 60 // it is kept now, which is known as soon as it is not held any more
	free()
	if _, err := l.Keep(t.Context(), account, 41); !errors.Is(err, ErrStorage) {
		t.Errorf("41 bytes beside 60 of 100: %v", err)
	}
	if free, err = l.Keep(t.Context(), account, 40); err != nil {
		t.Fatal(err)
	}
	free()
	if asked != 0 || l.total != 0 || len(l.reserved) != 0 {
		t.Errorf("volumes were asked %d times; %d bytes and %v are held", asked, l.total, l.reserved)
	}
}

package server

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"sluice/catalog"
	"sluice/ingest/hsu"
	"sluice/ingest/quota"
)

// session is a transfer in memory, from the first request of it until it rests.
type session struct {
	server   *Server
	transfer catalog.Transfer
	spec     spec
	policy   hsu.Policy
	instance string
	to       destination
	hold     *quota.Hold
	// declaring keeps declarations apart.
	declaring sync.Mutex
	users     atomic.Int64 // requests that run
	used      atomic.Int64 // Unix nanoseconds of the last one
	streams   atomic.Int64
	journal   *journal
	joined    link
	pressure  pressure
	ctx       context.Context //nolint:containedctx // ends with close: streams outlive their requests
	end       context.CancelFunc
	closing   sync.Once

	mu      sync.Mutex // guards what follows
	files   map[uint32]*file
	results []hsu.Have
	news    chan struct{} // closed when there are results
}

// file is a file of a session; one that begins anew is another file. Its fields are guarded by the session's mutex, save number.
type file struct {
	number uint32
	row    catalog.TransferFile
	begun  bool // by this process; guarded by the session's declaring
	// leaves are the digests of blocks that came in this session; the zero value is one that did not.
	leaves []hsu.Leaf
	ending bool // it is complete and being handed over
}

// leaf keeps the digest of a block, unless it came too late.
func (f *file) leaf(i int64, leaf hsu.Leaf) {
	if f.row.Status != catalog.FileOpen {
		return
	}
	if n := int(i) + 1; n > len(f.leaves) {
		f.leaves = append(f.leaves, make([]hsu.Leaf, n-len(f.leaves))...)
	}
	f.leaves[i] = leaf
}

// complete says whether all bytes are journalled.
func (f *file) complete() bool {
	return f.row.Status == catalog.FileOpen && f.row.Size >= 0 && f.row.Extents.Contiguous() >= f.row.Size
}

func (f *file) have() hsu.Have {
	h := hsu.Have{Number: f.number, State: hsu.StateOpen, Entry: string(f.row.Entry)}
	switch f.row.Status {
	case catalog.FileDone:
		h.State, h.Digest = hsu.StateDone, f.row.Digest
	case catalog.FileFailed:
		h.State, h.Error = hsu.StateFailed, f.row.Reason
	case catalog.FileOpen:
		for _, x := range f.row.Extents {
			h.Extents = append(h.Extents, [2]int64{x.From, x.To})
		}
	}
	return h
}

// row is a file's row as it is now.
func (x *session) row(f *file) catalog.TransferFile {
	x.mu.Lock()
	defer x.mu.Unlock()
	return f.row
}

// load brings a transfer into memory. The caller holds the server's mutex.
func (s *Server) load(ctx context.Context, t catalog.Transfer) (*session, error) {
	x := &session{server: s, instance: rand.Text(), transfer: t, files: map[uint32]*file{}, news: make(chan struct{}), hold: s.cfg.Limits.Hold(t.Account)}
	if err := json.Unmarshal(t.Spec, &x.spec); err != nil {
		return nil, fmt.Errorf("transfer %s: %w", t.ID, err)
	}
	if x.policy = x.spec.Policy; x.policy == hsu.Fixed && !x.spec.Admin {
		x.policy = hsu.Fair
	}
	to, err := s.destination(ctx, t, x.spec)
	if err != nil {
		return nil, err
	}
	rows, err := s.cfg.Catalog.TransferFiles(ctx, t.ID)
	if err != nil {
		return nil, err
	}
	for _, row := range rows {
		f := &file{number: uint32(row.Number), row: row} //nolint:gosec // written from a uint32
		if row.Token != "" && row.Status == catalog.FileOpen {
			tok, err := s.cfg.Catalog.UploadToken(ctx, t.Account, row.Token)
			if err != nil {
				return nil, err
			}
			f.row.Extents = tok.Extents
		}
		x.files[f.number] = f
		if err := x.here(to, f.row); err != nil {
			to.close()
			return nil, err
		}
	}
	x.to = to
	x.ctx, x.end = context.WithCancel(s.ctx)
	x.touch()
	x.journal = newJournal(x)
	x.rejoin(ctx)
	return x, nil
}

// errElsewhere says that what came in of a session is not on this machine.
var errElsewhere = errors.New("not on this machine")

// here checks that this machine has what came in of a file, when another one may have taken it in. Without it the file would be made
// of holes: the session is over, and its client begins another.
func (x *session) here(to destination, row catalog.TransferFile) error {
	if row.Status != catalog.FileOpen || len(row.Extents) == 0 {
		return nil
	}
	f, err := to.open(row)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return refusal{hsu.CodeExpired, fmt.Errorf("%w: what came in of the upload session is on node %q, and this one is %q", errElsewhere, x.spec.Node, x.server.node)}
	case errors.Is(err, errHanded):
		return nil
	case err != nil:
		return err
	}
	return f.Close()
}

func (x *session) touch() { x.used.Store(time.Now().UnixNano()) }

func (x *session) release() {
	x.touch()
	x.users.Add(-1)
}

// close journals what was written and lets go of what the session holds.
func (x *session) close() {
	x.closing.Do(func() {
		x.end()
		x.journal.close()
		x.share().Close()
		x.hold.Release()
		x.to.close()
	})
}

// link is the session's part of its account's link.
type link struct {
	mu    sync.Mutex
	share *quota.Share
	asked time.Time
}

// rejoinAfter is how long a session without a cap goes on before it looks whether there is one now.
const rejoinAfter = 5 * time.Second

func (x *session) share() *quota.Share {
	x.joined.mu.Lock()
	defer x.joined.mu.Unlock()
	return x.joined.share
}

// rejoin joins the account's link unless it did, or found none just now.
func (x *session) rejoin(ctx context.Context) {
	l := &x.joined
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.share != nil || time.Since(l.asked) < rejoinAfter {
		return
	}
	l.asked = time.Now()
	var most int64
	if x.spec.Rate > 0 {
		most = max(x.spec.Rate/8, 1)
	}
	share, err := x.server.cfg.Limits.Join(ctx, x.transfer.Account, weights[x.policy], most)
	if err != nil {
		x.server.cfg.Log.Warn("high-speed upload: the account's rate is not known", "account", x.transfer.Account, "error", err)
		return
	}
	l.share = share
}

// tell adds results and wakes who waits for them.
func (x *session) tell(h ...hsu.Have) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.results = append(x.results, h...)
	close(x.news)
	x.news = make(chan struct{})
}

// pressure counts what streams spend their time on, and when the disk was full.
type pressure struct {
	storing atomic.Int64 // nanoseconds of all streams
	fullAt  atomic.Int64 // Unix nanoseconds
	since   atomic.Int64 // Unix nanoseconds of the last look
}

// slow names what held the session up since the last look.
func (x *session) slow(limit quota.Report, now time.Time) string {
	p := &x.pressure
	since := p.since.Swap(now.UnixNano())
	storing := p.storing.Swap(0)
	elapsed := now.UnixNano() - since
	switch {
	case now.Sub(time.Unix(0, p.fullAt.Load())) < 3*time.Second:
		return hsu.SlowFull
	case limit.Limited:
		return hsu.SlowCap
	case since > 0 && storing > elapsed*max(x.streams.Load(), 1)*6/10:
		return hsu.SlowDisk
	}
	return ""
}

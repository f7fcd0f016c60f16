package console

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"time"

	"sluice/catalog"
)

const (
	// ringSize is how many messages are kept for browsers that are behind or come back. One that is further behind gets a
	// fresh snapshot, which is less than that many messages.
	ringSize = 1024
	// eventBatch is how many events of the outbox one poll takes.
	eventBatch = 200
	// maxLag is the backlog of events from which a fresh snapshot is cheaper than going through them.
	maxLag = 2000
	// maxActive is how many entries in work are watched at once, the latest changed first.
	maxActive = 200
	// workEvery is how many polls pass between two looks at the task counts.
	workEvery = 4
	// pollTimeout bounds one poll; a catalog that slow is asked again later.
	pollTimeout = 10 * time.Second
)

// message is one server-sent event, encoded once for all browsers.
type message struct {
	event string
	// key says what it is about: of several messages with one key only the last matters.
	key  string
	data []byte
}

// hub watches the catalog once for all event streams. The goroutine in run owns everything but what mu guards; it polls
// only while somebody listens. Messages go into a ring that each stream reads at its own pace, so a slow browser costs
// nothing and holds nobody up.
type hub struct {
	cfg   Config
	boot  string // tells this process's positions from an earlier one's
	joins chan joining
	done  chan struct{}

	// Owned by run.
	cursor  int64
	watched map[catalog.EntryID]*watched
	work    []byte
	polls   int
	failing bool

	mu      sync.Mutex
	ring    []message // the messages before position next
	next    uint64
	wake    chan struct{} // closed and replaced when messages come
	streams int
}

// watched is an entry in work as the streams know it.
type watched struct {
	view entryView
	sent []byte
}

// joining asks the goroutine for a place to start from.
type joining struct {
	lastID string
	reply  chan start
}

// start is where a stream starts: at position, after the snapshot if there is one.
type start struct {
	position uint64
	snapshot []byte
	err      error
}

func newHub(cfg Config) *hub {
	return &hub{
		cfg:   cfg,
		boot:  strconv.FormatUint(uint64(rand.Uint32()), 36),
		joins: make(chan joining),
		done:  make(chan struct{}),
		wake:  make(chan struct{}),
	}
}

// run polls until ctx ends, then tells the streams through done.
func (h *hub) run(ctx context.Context) {
	defer close(h.done)
	tick := time.NewTicker(h.cfg.Poll)
	defer tick.Stop()
	var polled time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if !h.listened() {
				continue
			}
			_ = h.poll(ctx) // logged there; the next tick tries again
			polled = time.Now()
		case j := <-h.joins:
			var err error
			// Nobody listened for a while, or no look succeeded yet: look before telling the newcomer how things are.
			if h.watched == nil || time.Since(polled) > 2*h.cfg.Poll {
				err = h.poll(ctx)
				polled = time.Now()
			}
			j.reply <- h.startOf(j.lastID, err)
		}
	}
}

// startOf finds where a stream goes on: after the last message it saw, if the ring still has what followed, else now.
func (h *hub) startOf(lastID string, err error) start {
	if h.watched == nil {
		return start{err: err}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if boot, text, ok := strings.Cut(lastID, "-"); ok && boot == h.boot {
		position, err := strconv.ParseUint(text, 36, 64)
		if err == nil && position <= h.next && position+uint64(len(h.ring)) >= h.next {
			return start{position: position}
		}
	}
	return start{position: h.next, snapshot: h.snapshot()}
}

// snapshot is everything in work now.
func (h *hub) snapshot() []byte {
	views := make([]entryView, 0, len(h.watched))
	for _, w := range h.watched {
		views = append(views, w.view)
	}
	work := json.RawMessage(h.work)
	if work == nil {
		work = encode(viewWork(nil))
	}
	return encode(map[string]any{"entries": views, "work": work})
}

// poll brings what the hub knows up to date and publishes what changed.
func (h *hub) poll(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, pollTimeout)
	defer cancel()
	began := time.Now()
	out, err := h.changes(ctx)
	pollSeconds.Observe(time.Since(began).Seconds())
	h.publish(out)
	switch {
	case err != nil && ctx.Err() != context.Canceled:
		pollErrors.Inc()
		if !h.failing {
			h.cfg.Logger.Error("console cannot follow the catalog", slog.Any("error", err))
		}
		h.failing = true
	case err == nil && h.failing:
		h.cfg.Logger.Info("console follows the catalog again")
		h.failing = false
	}
	return err
}

// changes asks the catalog what is new. What it found before an error is returned with it.
func (h *hub) changes(ctx context.Context) ([]message, error) {
	if h.watched == nil {
		return nil, h.begin(ctx)
	}
	touched, err := h.touched(ctx)
	if err != nil {
		return nil, err
	}
	active, err := h.active(ctx)
	if err != nil {
		return nil, err
	}
	// An entry that left the active ones has changed as well, though its event may not be read yet.
	for id := range h.watched {
		if _, ok := active[id]; !ok {
			touched[id] = true
		}
	}
	var out []message
	for id := range touched {
		m, err := h.refresh(ctx, id)
		if err != nil {
			return out, err
		}
		out = append(out, m...)
		// It may still be in work, only behind the maxActive latest changed.
		if _, ok := active[id]; !ok {
			delete(h.watched, id)
		}
	}
	m, err := h.progressed(ctx, active)
	out = append(out, m...)
	if err != nil {
		return out, err
	}
	m, err = h.counted(ctx)
	return append(out, m...), err
}

// begin reads the state from which changes are told.
func (h *hub) begin(ctx context.Context) error {
	cursor, err := h.cfg.Catalog.LastEvent(ctx)
	if err != nil {
		return err
	}
	active, err := h.active(ctx)
	if err != nil {
		return err
	}
	h.watched = make(map[catalog.EntryID]*watched, len(active))
	for id := range active {
		if _, err := h.refresh(ctx, id); err != nil {
			h.watched = nil
			return err
		}
	}
	if _, err := h.progressed(ctx, active); err != nil {
		h.watched = nil
		return err
	}
	h.cursor, h.polls = cursor, 0
	_, err = h.counted(ctx)
	return err
}

// touched reads the outbox on and returns the entries that its events are about.
func (h *hub) touched(ctx context.Context) (map[catalog.EntryID]bool, error) {
	last, err := h.cfg.Catalog.LastEvent(ctx)
	if err != nil {
		return nil, err
	}
	if last-h.cursor > maxLag {
		h.restart()
		return map[catalog.EntryID]bool{}, h.begin(ctx)
	}
	touched := map[catalog.EntryID]bool{}
	if last == h.cursor {
		return touched, nil
	}
	events, err := h.cfg.Catalog.Events(ctx, h.cursor, eventBatch)
	if err != nil {
		return nil, err
	}
	for _, e := range events {
		h.cursor = e.Seq
		if e.Entry != "" {
			touched[e.Entry] = true
		}
	}
	return touched, nil
}

// restart forgets the ring, so that every stream asks for a snapshot.
func (h *hub) restart() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.next += ringSize + 1
	h.ring = nil
	h.broadcast()
}

// active are the entries in work.
func (h *hub) active(ctx context.Context) (map[catalog.EntryID]catalog.Entry, error) {
	entries, _, err := h.cfg.Catalog.ListEntries(ctx, catalog.EntryFilter{
		Statuses: []catalog.EntryStatus{catalog.EntryImport, catalog.EntryPreconvert, catalog.EntryPending},
		OrderBy:  catalog.ByUpdated, Desc: true, Limit: maxActive,
	})
	if err != nil {
		return nil, err
	}
	active := make(map[catalog.EntryID]catalog.Entry, len(entries))
	for _, e := range entries {
		active[e.ID] = e
	}
	return active, nil
}

func deletedMessage(id catalog.EntryID) message {
	return message{event: "deleted", key: string(id), data: encode(map[string]catalog.EntryID{"id": id})}
}

func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("console: a view cannot be encoded: %v", err)) // our own types only
	}
	return b
}

// listened reports whether any stream is open.
func (h *hub) listened() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.streams > 0
}

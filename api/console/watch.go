package console

import (
	"bytes"
	"context"
	"errors"
	"time"

	"sluice/catalog"
)

// refresh reads an entry anew, watches it while it is in work, and returns what to tell about it.
func (h *hub) refresh(ctx context.Context, id catalog.EntryID) ([]message, error) {
	e, err := h.cfg.Catalog.EntryByID(ctx, id)
	if errors.Is(err, catalog.ErrNotFound) || (err == nil && e.Status == catalog.EntryDeleted) {
		delete(h.watched, id)
		return []message{deletedMessage(id)}, nil
	}
	if err != nil {
		return nil, err
	}
	assets, err := h.cfg.Catalog.Assets(ctx, id)
	if err != nil {
		return nil, err
	}
	view := viewEntry(e, assets, h.cfg.Play(e, assets), nil)
	if !inWork(e) {
		delete(h.watched, id)
		return []message{{event: "entry", key: string(id), data: encode(view)}}, nil
	}
	known := h.watched[id]
	if known == nil {
		if len(h.watched) >= maxActive {
			return []message{{event: "entry", key: string(id), data: encode(view)}}, nil
		}
		known = &watched{}
		h.watched[id] = known
	}
	// Progress is added by the look at all active entries that follows.
	view.Progress = known.view.Progress
	known.view = view
	return nil, nil
}

// progressed adds their progress to the entries in work and returns those that are not as last told.
func (h *hub) progressed(ctx context.Context, active map[catalog.EntryID]catalog.Entry) ([]message, error) {
	ids := make([]catalog.EntryID, 0, len(h.watched))
	for id := range active {
		if h.watched[id] == nil {
			if _, err := h.refresh(ctx, id); err != nil {
				return nil, err
			}
		}
	}
	for id := range h.watched {
		ids = append(ids, id)
	}
	if len(ids) == 0 {
		return nil, nil
	}
	progress, err := h.cfg.Catalog.Progress(ctx, ids...)
	if err != nil {
		return nil, err
	}
	var out []message
	for id, w := range h.watched {
		w.view.Progress = nil
		if p, ok := progress[id]; ok {
			w.view.Progress = viewProgress(p)
		}
		data := encode(w.view)
		if bytes.Equal(data, w.sent) {
			continue
		}
		w.sent = data
		out = append(out, message{event: "entry", key: string(id), data: data})
	}
	return out, nil
}

// counted looks at the task counts every few polls and returns them when they changed.
func (h *hub) counted(ctx context.Context) ([]message, error) {
	h.polls++
	if (h.polls-1)%workEvery != 0 {
		return nil, nil
	}
	counts, err := h.cfg.Catalog.TaskCounts(ctx)
	if err != nil {
		return nil, err
	}
	data := encode(viewWork(counts))
	if bytes.Equal(data, h.work) {
		return nil, nil
	}
	h.work = data
	return []message{{event: "work", key: "work", data: data}}, nil
}

// publish adds messages to the ring and wakes the streams.
func (h *hub) publish(messages []message) {
	if len(messages) == 0 {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ring = append(h.ring, messages...)
	h.next += uint64(len(messages))
	if over := len(h.ring) - ringSize; over > 0 {
		h.ring = append([]message(nil), h.ring[over:]...)
	}
	h.broadcast()
}

// broadcast wakes whoever waits; mu is held.
func (h *hub) broadcast() {
	close(h.wake)
	h.wake = make(chan struct{})
}

// since returns the messages after position, of those about one thing only the last, the position after them, and a
// channel that is closed when there are more. It reports false when the ring no longer reaches back to position.
func (h *hub) since(position uint64) (messages []message, next uint64, more <-chan struct{}, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if position > h.next || h.next-position > uint64(len(h.ring)) {
		return nil, h.next, h.wake, false
	}
	news := h.ring[uint64(len(h.ring))-(h.next-position):]
	last := make(map[string]int, len(news))
	for i, m := range news {
		last[m.key] = i
	}
	for i, m := range news {
		if last[m.key] == i {
			messages = append(messages, m)
		}
	}
	return messages, h.next, h.wake, true
}

// join finds a start for a stream, once the goroutine has looked at the catalog.
func (h *hub) join(ctx context.Context, lastID string) (start, error) {
	j := joining{lastID: lastID, reply: make(chan start, 1)}
	ctx, cancel := context.WithTimeout(ctx, pollTimeout+time.Second)
	defer cancel()
	select {
	case h.joins <- j:
	case <-h.done:
		return start{}, errStopped
	case <-ctx.Done():
		return start{}, ctx.Err()
	}
	select {
	case s := <-j.reply:
		return s, s.err
	case <-ctx.Done():
		return start{}, ctx.Err()
	}
}

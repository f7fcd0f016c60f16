package console

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// errStopped says that the hub has ended: the server shuts down, or Run was never called.
var errStopped = errors.New("the console is stopping")

// writeTimeout is how long a browser may take to accept one write before it is cut off. It reconnects when it lives.
const writeTimeout = 15 * time.Second

// streamEvents answers GET /v1/events with server-sent events (WHATWG HTML §9.2): `snapshot` first or after falling too
// far behind, then `entry`, `deleted` and `work` as things change, at most once a poll interval; comments keep the
// connection alive. Last-Event-ID, as header or as ?last_event_id, goes on after the last message seen.
func (c *Console) streamEvents(w http.ResponseWriter, r *http.Request) error {
	q, err := parseQuery(r, "last_event_id")
	if err != nil {
		return err
	}
	if fromElsewhere(r) {
		return refuse(http.StatusForbidden, codeForbidden, "the event stream is for the console's own pages")
	}
	if r.Method == http.MethodHead {
		w.Header().Set("Content-Type", "text/event-stream")
		return nil
	}
	if !c.hub.enter() {
		w.Header().Set("Retry-After", "5")
		return refuse(http.StatusServiceUnavailable, codeTooMany, "%d event streams are open, which is the limit", c.cfg.MaxStreams)
	}
	defer c.hub.leave()
	lastID := r.Header.Get("Last-Event-ID")
	if lastID == "" {
		lastID = q.Get("last_event_id")
	}
	from, err := c.hub.join(r.Context(), lastID)
	if errors.Is(err, errStopped) {
		return refuse(http.StatusServiceUnavailable, codeUnavailable, "%v", err)
	}
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no") // a buffering proxy would hold the events back
	s := &stream{hub: c.hub, out: http.NewResponseController(w), w: w, r: r}
	s.run(from)
	return nil
}

// stream is one browser's event stream.
type stream struct {
	hub     *hub
	out     *http.ResponseController
	w       http.ResponseWriter
	r       *http.Request
	buf     bytes.Buffer
	flushed time.Time
}

// run writes until the browser leaves, is cut off, or the hub ends. How it ended is nobody's error.
func (s *stream) run(from start) {
	s.buf.WriteString("retry: 2000\n\n")
	position := s.begin(from)
	heartbeat := time.NewTicker(s.hub.cfg.Heartbeat)
	defer heartbeat.Stop()
	for s.flush() == nil {
		// The pause bounds how often one browser is written to; what comes meanwhile is told at once, and once.
		if rest := s.hub.cfg.Poll - time.Since(s.flushed); rest > 0 && !s.wait(time.After(rest), nil, nil) {
			return
		}
		messages, next, more, ok := s.hub.since(position)
		switch {
		case !ok:
			streamResets.Inc()
			again, err := s.hub.join(s.r.Context(), "")
			if err != nil {
				return
			}
			position = s.begin(again)
		case len(messages) == 0:
			if !s.wait(heartbeat.C, more, func() { s.buf.WriteString(":\n\n") }) {
				return
			}
		default:
			s.write(messages, next)
			position = next
		}
	}
}

// begin buffers the snapshot that a stream starts from, if it needs one, and returns the position after it.
func (s *stream) begin(from start) uint64 {
	if from.snapshot != nil {
		s.write([]message{{event: "snapshot", data: from.snapshot}}, from.position)
	}
	return from.position
}

// wait blocks until the timer, for which it calls late, or until more; false means that the stream is over.
func (s *stream) wait(timer <-chan time.Time, more <-chan struct{}, late func()) bool {
	select {
	case <-timer:
		if late != nil {
			late()
		}
	case <-more:
	case <-s.r.Context().Done():
		return false
	case <-s.hub.done:
		return false
	}
	return true
}

// write buffers messages. Only the last carries the position after them all: a browser that was cut off in their midst
// then comes back for the whole batch, and to see a message twice does no harm.
func (s *stream) write(messages []message, position uint64) {
	for i, m := range messages {
		streamMessages.WithLabelValues(m.event).Inc()
		if i == len(messages)-1 {
			fmt.Fprintf(&s.buf, "id: %s-%s\n", s.hub.boot, strconv.FormatUint(position, 36))
		}
		fmt.Fprintf(&s.buf, "event: %s\ndata: %s\n\n", m.event, m.data)
	}
}

// flush sends what is buffered.
func (s *stream) flush() error {
	if s.buf.Len() == 0 {
		return nil
	}
	// A connection without deadlines, as in some tests and proxies, is written to without.
	if err := s.out.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	_, err := s.w.Write(s.buf.Bytes())
	s.buf.Reset()
	if err != nil {
		return err
	}
	s.flushed = time.Now()
	return s.out.Flush()
}

// enter counts a stream in, unless there are too many.
func (h *hub) enter() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.streams >= h.cfg.MaxStreams {
		return false
	}
	h.streams++
	streamsOpen.Inc()
	return true
}

func (h *hub) leave() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.streams--
	streamsOpen.Dec()
}

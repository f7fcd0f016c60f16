package bulk

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"sluice/api/rpc"
	"sluice/catalog"
	"sluice/ingest/manifest"
)

const (
	// logEvents is the form of a log that goes on while its job does.
	logEvents = "events"
	// livePoll is how often a job that runs is looked at, livePage how many items are told at once.
	livePoll = 500 * time.Millisecond
	livePage = 500
	// liveBeat keeps the connection alive; liveWrite is how long a client may take to accept a write.
	liveBeat  = 15 * time.Second
	liveWrite = 15 * time.Second
	// lastEvent is the id of the event that ends a log: who comes back with it has seen all.
	lastEvent = "end"
)

// liveLog answers with the job's log as server-sent events (WHATWG HTML §9.2): `item`, whose id is the item's number and whose data the
// line of the NDJSON log, as soon as the item is done, and `end` with the job's status and counts when the job is over. Last-Event-ID goes
// on after an item. A stream that lasted maxServe, or whose server stops, is cut off: its client comes back.
func (s *Service) liveLog(j catalog.BulkJob) *rpc.File {
	return &rpc.File{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		last := r.Header.Get("Last-Event-ID")
		if last == lastEvent {
			w.WriteHeader(http.StatusNoContent) // browsers then stay away
			return
		}
		after, err := strconv.ParseInt(last, 10, 64)
		if last != "" && (err != nil || after < 0) {
			http.Error(w, "Last-Event-ID "+strconv.Quote(last)+" is not the number of an item", http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		w.Header().Set("X-Accel-Buffering", "no") // a buffering proxy would hold the events back
		ctx, cancel := context.WithTimeout(r.Context(), maxServe)
		defer cancel()
		l := &live{s: s, job: j, after: after, w: w, out: http.NewResponseController(w)}
		if err := l.run(ctx); err != nil && ctx.Err() == nil {
			s.Log.Warn("the log of a bulk job is cut off", "job", j.ID, "error", err)
			panic(http.ErrAbortHandler)
		}
	})}
}

// live is one client's view of a job.
type live struct {
	s     *Service
	job   catalog.BulkJob
	after int64 // the last item that was told
	w     http.ResponseWriter
	out   *http.ResponseController
	buf   bytes.Buffer
	wrote time.Time
}

// run tells until the job is over, the client leaves or the server stops.
func (l *live) run(ctx context.Context) error {
	l.buf.WriteString("retry: 2000\n\n")
	tick := time.NewTicker(livePoll)
	defer tick.Stop()
	for {
		// Read before the items: those of a job that is over are all there.
		job, err := l.s.Catalog.BulkJob(ctx, l.job.Account, l.job.ID)
		if err != nil {
			return err
		}
		more, err := l.items(ctx)
		if err != nil {
			return err
		}
		over := job.Status.Ended() && !more
		if over {
			l.event("end", lastEvent, end{int(job.Status), job.Done, job.Failed, job.ErrorText})
		} else if time.Since(l.wrote) > liveBeat {
			l.buf.WriteString(":\n\n")
		}
		if err := l.flush(); err != nil || over {
			return quiet(err)
		}
		if more {
			continue
		}
		select {
		case <-tick.C:
		case <-l.s.Done:
			return nil
		case <-ctx.Done():
			return nil
		}
	}
}

// end is what the last event tells.
type end struct {
	Status int    `json:"status"`
	Items  int64  `json:"items"`
	Errors int64  `json:"errors"`
	Error  string `json:"error,omitempty"`
}

// items buffers the items that are done since then. More says that others are.
func (l *live) items(ctx context.Context) (more bool, err error) {
	rows, err := l.s.Catalog.BulkResultsAfter(ctx, l.job.Account, l.job.ID, l.after, livePage, false)
	if err != nil {
		return false, err
	}
	for _, r := range rows {
		if r.Status == catalog.BulkItemInProgress {
			return false, nil // it has its turn when it is done
		}
		l.event("item", strconv.FormatInt(r.Line, 10), manifest.LineOf(r))
		l.after = r.Line
	}
	return len(rows) == livePage, nil
}

func (l *live) event(name, id string, data any) {
	fmt.Fprintf(&l.buf, "id: %s\nevent: %s\ndata: ", id, name)
	_ = json.NewEncoder(&l.buf).Encode(data) // plain values, and a buffer, which takes all; it ends the line
	l.buf.WriteByte('\n')
}

// flush sends what is buffered.
func (l *live) flush() error {
	if l.buf.Len() == 0 {
		return nil
	}
	if err := l.out.SetWriteDeadline(time.Now().Add(liveWrite)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	_, err := l.w.Write(l.buf.Bytes())
	l.buf.Reset()
	l.wrote = time.Now()
	if err == nil {
		err = l.out.Flush()
	}
	return err
}

// quiet drops what a client that is gone leaves behind.
func quiet(err error) error {
	if errors.Is(err, http.ErrNotSupported) {
		return err
	}
	return nil
}

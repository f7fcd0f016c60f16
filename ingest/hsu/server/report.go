package server

import (
	"net/http"
	"strconv"
	"time"

	"sluice/catalog"
	"sluice/ingest/hsu"
)

// report answers what became of files since the last one, at once when there is news, else when the client wants to wait no more.
func (s *Server) report(x *session, w http.ResponseWriter, r *http.Request) error {
	after, _ := strconv.Atoi(r.URL.Query().Get("after"))
	wait, err := time.ParseDuration(r.URL.Query().Get("wait"))
	if err != nil {
		wait = 0
	}
	x.rejoin(r.Context())
	results, seq := x.resultsAfter(r, after, min(max(wait, 0), hsu.MaxWait))
	limit := x.share().Report()
	answer(w, hsu.Report{
		Instance: x.instance, Seq: seq, Files: results, Cap: limit.Cap * 8, Rate: limit.Rate * 8, Transfers: limit.Transfers,
		Slow: x.slow(limit, time.Now()), Expires: s.expires(),
	})
	return nil
}

// maxResults bounds the results in a report; more come with the next.
const maxResults = 5000

func (x *session) resultsAfter(r *http.Request, after int, wait time.Duration) ([]hsu.Have, int) {
	timeout := time.NewTimer(wait)
	defer timeout.Stop()
	for {
		x.mu.Lock()
		if after < 0 || after > len(x.results) { // of another process: what it told is told again when files are declared
			after = 0
		}
		news := x.news
		seq := min(len(x.results), after+maxResults)
		out := x.results[after:seq:seq]
		x.mu.Unlock()
		if len(out) > 0 || wait == 0 {
			return out, seq
		}
		select {
		case <-news:
		case <-timeout.C:
			wait = 0
		case <-r.Context().Done():
			wait = 0
		case <-x.server.ctx.Done():
			wait = 0
		}
	}
}

// finish ends a session whose files are all done or failed.
func (s *Server) finish(x *session, w http.ResponseWriter, r *http.Request) error {
	x.mu.Lock()
	open := 0
	for _, f := range x.files {
		if f.row.Status == catalog.FileOpen {
			open++
		}
	}
	x.mu.Unlock()
	if open > 0 {
		return invalid("%d files are not complete", open)
	}
	if err := x.to.end(); err != nil {
		return err
	}
	if err := s.cfg.Catalog.EndTransfer(r.Context(), x.transfer.ID, catalog.TransferClosed); err != nil {
		return err
	}
	s.forget(x)
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// abort gives everything up that is not done.
func (s *Server) abort(x *session, w http.ResponseWriter, r *http.Request) error {
	s.forget(x)
	if err := s.dropped(r.Context(), x); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

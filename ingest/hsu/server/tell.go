package server

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

const (
	// tellAtOnce bounds the files that a folder is told of at a time, maxTold those that wait to be told of: who adds more waits.
	tellAtOnce  = 500
	maxTold     = 4096
	tellTimeout = time.Minute
)

// teller tells a folder of files beside what makes them complete. What is not told because the process ends is found by the folder's
// next look. One goroutine does, while there is something to tell; it may outlive the session, not the server.
type teller struct {
	folder Folder
	log    *slog.Logger
	all    *sync.WaitGroup // of the server's goroutines that tell

	mu      sync.Mutex // guards what follows
	less    sync.Cond  // of queue
	queue   []Arrival
	telling bool
}

func (s *Server) newTeller(f Folder) *teller {
	t := &teller{folder: f, log: s.cfg.Log, all: &s.tellers}
	t.less.L = &t.mu
	return t
}

// add takes a file to tell of.
func (t *teller) add(a Arrival) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for len(t.queue) >= maxTold {
		t.less.Wait()
	}
	t.queue = append(t.queue, a)
	if !t.telling {
		t.telling = true
		t.all.Go(t.run)
	}
}

func (t *teller) run() {
	for {
		t.mu.Lock()
		n := min(len(t.queue), tellAtOnce)
		files := t.queue[:n:n]
		t.queue = t.queue[n:]
		t.telling = n > 0
		t.less.Broadcast()
		t.mu.Unlock()
		if n == 0 {
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), tellTimeout)
		if err := t.folder.Uploaded(ctx, files); err != nil {
			t.log.Warn("high-speed upload: the drop folder could not be told of files; its next look finds them", "first", files[0].Path,
				"files", n, "error", err)
		}
		cancel()
	}
}

package inbox

import (
	"cmp"
	"slices"
	"time"

	"sluice/catalog"
	"sluice/ingest/complete"
)

// maxShown bounds the files that Status lists.
const maxShown = 1000

// Status is what an inbox is doing.
type Status struct {
	Dir string `json:"dir"`
	// Watching says that notifications work; without, files are found by sweeps only. WatchError says why.
	Watching   bool      `json:"watching"`
	WatchError string    `json:"watch_error,omitempty"`
	Sweeps     int64     `json:"sweeps"`
	LastSweep  time.Time `json:"last_sweep,omitzero"`
	// Taken and Rejected count since the start.
	Taken    int64 `json:"taken"`
	Rejected int64 `json:"rejected"`
	// Counts has the number of files here by state; Files lists them, those that wait longest first, at most 1,000.
	Counts map[State]int `json:"counts"`
	Files  []FileStatus  `json:"files"`
	// Problems says what is wrong with folders, by path.
	Problems map[string]string `json:"problems,omitempty"`
}

// FileStatus is a file in the inbox, and why it is still there.
type FileStatus struct {
	Path    string            `json:"path"`
	Account catalog.AccountID `json:"account"`
	Size    int64             `json:"size"` // bytes
	State   State             `json:"state"`
	Why     string            `json:"why,omitempty"`
	Since   time.Time         `json:"since"`
}

// Status tells what the inbox is doing.
func (b *Inbox) Status() Status {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.status
	s.Dir, s.Counts, s.Problems = b.cfg.Dir, b.counts(), map[string]string{}
	for p, why := range b.problems {
		s.Problems[complete.Shown(p)] = why
	}
	s.Files = make([]FileStatus, 0, len(b.files))
	for _, f := range b.files {
		s.Files = append(s.Files, FileStatus{
			Path: complete.Shown(f.rel), Account: f.account, Size: f.ID.Size, State: f.state, Why: f.why, Since: f.since,
		})
	}
	slices.SortFunc(s.Files, func(a, b FileStatus) int {
		return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.Path, b.Path))
	})
	s.Files = s.Files[:min(len(s.Files), maxShown)]
	return s
}

func (b *Inbox) counts() map[State]int {
	n := map[State]int{Arriving: 0, Waiting: 0, Taking: 0, Ignored: 0}
	for _, f := range b.files {
		n[f.state]++
	}
	return n
}

// setWatch enters the watcher, or why there is none.
func (b *Inbox) setWatch(w *complete.Watcher, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.status.Watching = err == nil
	if err != nil {
		b.status.WatchError = err.Error()
		return
	}
	b.watch = w
}

package inbox

import (
	"crypto/sha256"
	"fmt"
	"time"

	"sluice/catalog"
	"sluice/ingest/complete"
)

// State is where a file in the inbox stands.
type State string

// States of a file. A file that came in is no longer in the inbox.
const (
	// Arriving files are, or may be, still written.
	Arriving State = "arriving"
	// Waiting files are complete, but cannot come in for now.
	Waiting State = "waiting"
	// Taking files are about to come in.
	Taking State = "taking"
	// Ignored files are none that can come in.
	Ignored State = "ignored"
)

// file is what the inbox knows of a file in it.
type file struct {
	rel     string // path below the inbox
	account catalog.AccountID
	complete.Progress
	since time.Time // when it was first seen
	state State
	why   string
	due   time.Time // when to look again; zero: at the next event or sweep
	tries int       // failed attempts to take it
	sweep int64     // the last sweep that saw it
	heap  int       // place among those that are due, from 1
}

// update enters what a look found. It reports whether the file changed.
func (f *file) update(id complete.Identity, now time.Time) bool {
	changed := f.Update(id, now)
	if changed {
		f.tries = 0
	}
	return changed
}

// dedupKey names this delivery of this file.
func (f *file) dedupKey() string {
	path := sha256.Sum256([]byte(f.rel))
	return fmt.Sprintf("inbox:%x:%d:%d:%d", path[:12], f.ID.Size, f.ID.MTime, f.ID.Ino)
}

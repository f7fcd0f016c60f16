package inbox

import (
	"crypto/sha256"
	"fmt"
	"os"
	"syscall"
	"time"

	"sluice/catalog"
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

// evidence is what we saw happen to a file since it last changed.
type evidence int

const (
	none   evidence = iota
	closed          // it was closed after writing
	moved           // it was renamed into place
)

// identity tells whether a file is what it was when we looked before.
type identity struct {
	dev, ino     uint64
	size         int64
	mtime, ctime int64 // nanoseconds
	links        uint64
}

func identify(st os.FileInfo) identity {
	id := identity{size: st.Size(), mtime: st.ModTime().UnixNano()}
	if sys, ok := st.Sys().(*syscall.Stat_t); ok {
		id.dev, id.ino, id.ctime, id.links = sys.Dev, sys.Ino, sys.Ctim.Nano(), sys.Nlink
	}
	return id
}

// file is what the inbox knows of a file in it.
type file struct {
	rel     string // path below the inbox
	account catalog.AccountID
	id      identity
	since   time.Time // when it was first seen
	changed time.Time // when it was last seen to have changed, or an event told so
	looks   int       // how often it was the same since
	seen    evidence
	state   State
	why     string
	due     time.Time // when to look again; zero: at the next event or sweep
	tries   int       // failed attempts to take it
	sweep   int64     // the last sweep that saw it
	heap    int       // place among those that are due, from 1
}

// update enters what a look found. It reports whether the file changed. Tools set times and permissions after they
// closed a file: that a close was seen still counts then, from now on.
func (f *file) update(id identity, now time.Time) bool {
	if id == f.id {
		return false
	}
	if f.seen != none && f.id.ino == id.ino && f.id.dev == id.dev && f.id.size == id.size {
		f.seen = closed
	} else {
		f.seen = none
	}
	f.id, f.changed, f.looks, f.tries = id, now, 0, 0
	return true
}

// dedupKey names this delivery of this file.
func (f *file) dedupKey() string {
	path := sha256.Sum256([]byte(f.rel))
	return fmt.Sprintf("inbox:%x:%d:%d:%d", path[:12], f.id.size, f.id.mtime, f.id.ino)
}

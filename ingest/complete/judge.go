package complete

import (
	"fmt"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"sluice/internal/writeprobe"
)

const (
	// reopenTime is how long a file that was closed must stay so: tools that copy in several goes open it again.
	reopenTime = 2 * time.Second
	// unseenFactor is how many settling times a file must be unchanged where nothing tells about its writers: one of them may
	// pause.
	unseenFactor = 6
	// looksNeeded is how often a file must be found unchanged where nothing tells about its writers.
	looksNeeded = 3
	// brokenTime is how long a file may look cut off, where nothing tells about its writers, before it counts as whole all the
	// same, so that its owner is told.
	brokenTime = 24 * time.Hour
)

// Evidence is what we saw happen to a file since it last changed.
type Evidence int

// Evidence: nothing, closed after writing, renamed into place.
const (
	None Evidence = iota
	Closed
	Moved
)

// Identity tells whether a file is what it was when we looked before.
type Identity struct {
	Dev, Ino     uint64
	Size         int64
	MTime, CTime int64 // nanoseconds
	Links        uint64
}

// Identify returns the identity of what a file's Stat says.
func Identify(st os.FileInfo) Identity {
	id := Identity{Size: st.Size(), MTime: st.ModTime().UnixNano()}
	if sys, ok := st.Sys().(*syscall.Stat_t); ok {
		id.Dev, id.Ino, id.CTime, id.Links = sys.Dev, sys.Ino, sys.Ctim.Nano(), uint64(sys.Nlink) //nolint:unconvert // uint32 on other processors
	}
	return id
}

// Progress is what is known of a file on its way.
type Progress struct {
	ID      Identity
	Changed time.Time // when it was last seen to have changed, or an event told so
	Looks   int       // how often it was the same since
	Seen    Evidence
}

// Update enters what a look found. It reports whether the file changed. Tools set times and permissions after they
// closed a file: that a close was seen still counts then, from now on.
func (p *Progress) Update(id Identity, now time.Time) bool {
	if id == p.ID {
		return false
	}
	if p.Seen != None && p.ID.Ino == id.Ino && p.ID.Dev == id.Dev && p.ID.Size == id.Size {
		p.Seen = Closed
	} else {
		p.Seen = None
	}
	p.ID, p.Changed, p.Looks = id, now, 0
	return true
}

// Verdict is what a look at a file decides: it is whole, or why not and when to look again by the clock (0 leaves it to events and
// sweeps).
type Verdict struct {
	Whole bool
	Why   string
	Again time.Duration
}

func notYet(again time.Duration, why string, args ...any) Verdict {
	return Verdict{Why: fmt.Sprintf(why, args...), Again: again}
}

// Judge decides about the files of a directory. It is not safe for concurrent use.
type Judge struct {
	// Settle is how long a file of which nothing else is known must be unchanged.
	Settle time.Duration
	// NoLeases makes it judge as if leases did not work.
	NoLeases bool

	open openFiles
}

// Writers tells whether anybody has the file open for writing. A lease of a network file system speaks for this machine
// only, so there it can say yes, but not no. After Busy, what the file was closed or renamed before does not count any more.
func (j *Judge) Writers(p *Progress, r *os.File, now time.Time) writeprobe.State {
	state := writeprobe.Probe(r)
	if state == writeprobe.Idle && (j.NoLeases || IsRemote(r)) {
		state = writeprobe.Unknown
	}
	if state == writeprobe.Unknown && j.open.has(p.ID, now) {
		state = writeprobe.Busy
	}
	if state == writeprobe.Busy {
		p.Seen = None
	}
	return state
}

// Look decides whether a file is whole, of which Writers said so.
func (j *Judge) Look(p *Progress, r *os.File, writers writeprobe.State, now time.Time) Verdict {
	quiet := j.Settle
	switch {
	case writers == writeprobe.Busy:
		return notYet(0, "a program has it open for writing")
	case writers != writeprobe.Idle:
		quiet *= unseenFactor
	case p.ID.Size == 0:
	case p.Seen == Moved:
		quiet = 0
	case p.Seen == Closed:
		quiet = min(quiet, reopenTime)
	}
	if left := quiet - now.Sub(p.Changed); left > 0 {
		return notYet(left, "it may still be written: no change for %v is asked for", quiet)
	}
	if writers == writeprobe.Idle {
		return Verdict{Whole: true}
	}
	if p.Looks < looksNeeded {
		return notYet(max(quiet/looksNeeded, 10*time.Millisecond), "it may still be written: this file system does not tell")
	}
	if why := CutOff(r, p.ID.Size); why != "" && now.Sub(p.Changed) < brokenTime {
		return notYet(0, "it looks cut off: %s", why)
	}
	return Verdict{Whole: true}
}

// IsRemote reports whether others than this machine may write the file.
func IsRemote(r *os.File) bool {
	var st unix.Statfs_t
	if err := unix.Fstatfs(int(r.Fd()), &st); err != nil {
		return true
	}
	switch st.Type {
	case unix.NFS_SUPER_MAGIC, unix.SMB_SUPER_MAGIC, unix.SMB2_SUPER_MAGIC, unix.CIFS_SUPER_MAGIC, unix.FUSE_SUPER_MAGIC,
		unix.V9FS_MAGIC, unix.CEPH_SUPER_MAGIC, unix.AFS_SUPER_MAGIC, unix.CODA_SUPER_MAGIC, unix.OCFS2_SUPER_MAGIC:
		return true
	}
	return false
}

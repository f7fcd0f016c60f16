package inbox

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
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
	// brokenTime is how long a file may look cut off, where nothing tells about its writers, before it comes in all the
	// same, so that its owner is told.
	brokenTime = 24 * time.Hour
)

// verdict is what a look at a file decides.
type verdict struct {
	state State // Taking means that it is complete
	why   string
	again time.Duration // when to look again by the clock; 0 leaves it to events and sweeps
}

func arriving(again time.Duration, why string, args ...any) verdict {
	return verdict{state: Arriving, why: fmt.Sprintf(why, args...), again: again}
}

// judge looks at the file and decides whether it is complete. gone says that it is not there any more.
func (b *Inbox) judge(f *file, now time.Time) (v verdict, gone bool) {
	if isUnfinished(filepath.Base(f.rel)) {
		return arriving(0, "its name says that it is still being written"), false
	}
	r, err := os.OpenFile(b.path(f.rel), os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return v, true
	case errors.Is(err, unix.ELOOP):
		return verdict{state: Ignored, why: "it is a symbolic link"}, false
	case err != nil:
		return verdict{state: Waiting, why: "it cannot be read: " + reason(err)}, false
	}
	defer r.Close()
	st, err := r.Stat()
	if err != nil {
		return verdict{state: Waiting, why: "it cannot be read: " + reason(err)}, false
	}
	if !st.Mode().IsRegular() {
		return verdict{state: Ignored, why: "it is not a regular file"}, false
	}
	if !f.update(identify(st), now) {
		f.looks++
	}
	return b.judgeOpen(f, r, now), false
}

func (b *Inbox) judgeOpen(f *file, r *os.File, now time.Time) verdict {
	writers := b.writers(f, r, now)
	if writers == writeprobe.Busy {
		// The next close tells; until then, whatever it was closed or renamed before does not count.
		f.seen = none
		return arriving(0, "a program has it open for writing")
	}
	if b.cfg.Marker != "" {
		if _, err := os.Lstat(b.path(f.rel + b.cfg.Marker)); err != nil {
			return verdict{state: Waiting, why: fmt.Sprintf("its marker %q is not there", filepath.Base(f.rel)+b.cfg.Marker)}
		}
		return verdict{state: Taking}
	}
	quiet := b.cfg.Settle
	switch {
	case writers != writeprobe.Idle:
		quiet *= unseenFactor
	case f.id.size == 0:
	case f.seen == moved:
		quiet = 0
	case f.seen == closed:
		quiet = min(quiet, reopenTime)
	}
	if left := quiet - now.Sub(f.changed); left > 0 {
		return arriving(left, "it may still be written: no change for %v is asked for", quiet)
	}
	if writers == writeprobe.Idle {
		return verdict{state: Taking}
	}
	if f.looks < looksNeeded {
		return arriving(max(quiet/looksNeeded, 10*time.Millisecond), "it may still be written: this file system does not tell")
	}
	if why := incomplete(r, f.id.size); why != "" && now.Sub(f.changed) < brokenTime {
		return arriving(0, "it looks cut off: %s", why)
	}
	return verdict{state: Taking}
}

// writers tells whether anybody has the file open for writing. A lease of a network file system speaks for this machine
// only, so there it can say yes, but not no.
func (b *Inbox) writers(f *file, r *os.File, now time.Time) writeprobe.State {
	state := writeprobe.Probe(r)
	if state == writeprobe.Idle && isRemote(r) {
		state = writeprobe.Unknown
	}
	if b.cfg.noLeases && state == writeprobe.Idle {
		state = writeprobe.Unknown
	}
	if state == writeprobe.Unknown && b.open.has(f.id, now) {
		return writeprobe.Busy
	}
	return state
}

// isRemote reports whether others than this machine may write the file.
func isRemote(r *os.File) bool {
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

// reason is what the system said, without the path, which is shown beside it.
func reason(err error) string {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err.Error()
	}
	return err.Error()
}

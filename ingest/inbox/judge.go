package inbox

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"sluice/ingest/complete"
	"sluice/internal/writeprobe"
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
	if complete.Unfinished(filepath.Base(f.rel)) {
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
	if !f.update(complete.Identify(st), now) {
		f.Looks++
	}
	return b.judgeOpen(f, r, now), false
}

func (b *Inbox) judgeOpen(f *file, r *os.File, now time.Time) verdict {
	writers := b.judging.Writers(&f.Progress, r, now)
	if m := b.cfg.Marker; m != "" && writers != writeprobe.Busy {
		if _, err := os.Lstat(b.path(f.rel + m)); err != nil {
			return verdict{state: Waiting, why: fmt.Sprintf("its marker %q is not there", filepath.Base(f.rel)+m)}
		}
		return verdict{state: Taking}
	}
	v := b.judging.Look(&f.Progress, r, writers, now)
	if v.Whole {
		return verdict{state: Taking}
	}
	return arriving(v.Again, "%s", v.Why)
}

// reason is what the system said, without the path, which is shown beside it.
func reason(err error) string {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err.Error()
	}
	return err.Error()
}

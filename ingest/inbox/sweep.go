package inbox

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"sluice/ingest/complete"
)

// sweepBatch is how many names of a folder are read at a time.
const sweepBatch = 2048

// sweep looks at everything in the inbox, and forgets what is gone.
func (b *Inbox) sweep() {
	start := time.Now()
	b.status.Sweeps++
	clear(b.problems)
	if err := os.MkdirAll(b.cfg.Dir, 0o770); err != nil {
		b.problems["."] = reason(err)
	}
	b.walk("", 0, complete.None)
	for rel, f := range b.files {
		if f.sweep != b.status.Sweeps && f.state != Taking {
			b.forget(rel, f)
		}
	}
	b.status.LastSweep = time.Now()
	sweepSeconds.Observe(time.Since(start).Seconds())
}

func (b *Inbox) forget(rel string, f *file) {
	b.dues.set(f, time.Time{})
	delete(b.files, rel)
}

// walk visits what the folder holds, and watches it from before. Seen is what is known of the files in it.
func (b *Inbox) walk(dir string, depth int, seen complete.Evidence) {
	if depth > maxDepth {
		b.problems[dir] = "it is too deep: folders are followed 32 levels down"
		return
	}
	if b.watch != nil {
		if err := b.watch.Add(dir, b.path(dir)); err != nil && !errors.Is(err, unix.ENOENT) {
			b.watchFailed(err)
		}
	}
	d, err := os.OpenFile(b.path(dir), os.O_RDONLY|unix.O_NOFOLLOW|unix.O_DIRECTORY, 0)
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			b.problems[dir] = reason(err)
		}
		return
	}
	var folders []string
	for {
		entries, err := d.ReadDir(sweepBatch)
		for _, e := range entries {
			switch rel := path.Join(dir, e.Name()); {
			case complete.Hidden(e.Name()):
			case e.IsDir():
				folders = append(folders, rel)
			default:
				b.visit(rel, seen)
			}
		}
		if err != nil {
			if err != io.EOF {
				b.problems[dir] = reason(err)
			}
			break
		}
	}
	_ = d.Close()
	for _, f := range folders {
		b.walk(f, depth+1, seen)
	}
}

// notice deals with a notification.
func (b *Inbox) notice(e complete.Event) {
	if e.Lost || complete.Hidden(e.Name) {
		return // a sweep follows, or nobody cares
	}
	rel := path.Join(e.Dir, e.Name)
	if !e.IsDir() {
		b.visit(rel, e.Evidence())
	} else if e.Appeared() {
		b.walk(rel, strings.Count(rel, "/")+1, e.Evidence())
	}
}

// visit looks at a file, which may be new, changed, the same or gone. Seen is what an event told about it.
func (b *Inbox) visit(rel string, seen complete.Evidence) {
	if m := b.cfg.Marker; m != "" && strings.HasSuffix(rel, m) {
		if f := b.files[strings.TrimSuffix(rel, m)]; f != nil && f.state != Taking {
			b.look(f, time.Now())
		}
		return
	}
	now := time.Now()
	f := b.files[rel]
	st, err := os.Lstat(b.path(rel))
	if errors.Is(err, fs.ErrNotExist) {
		if f != nil && f.state != Taking {
			b.forget(rel, f)
		}
		return
	}
	if err != nil {
		b.problems[rel] = reason(err)
		return
	}
	if f == nil {
		f = &file{rel: rel, account: b.cfg.Account, since: now}
		f.Changed = now
		if id, ok := accountOf(rel); ok && b.cfg.EnsureAccount != nil {
			f.account = id
		}
		b.files[rel] = f
	}
	f.sweep = b.status.Sweeps
	if f.state == Taking {
		return // when it is taken, its name is looked at again
	}
	changed := f.update(complete.Identify(st), now)
	if seen != complete.None {
		f.Seen, f.Changed = seen, now
	}
	// One that waits for a time, and did not change, waits on.
	if changed || seen != complete.None || f.due.IsZero() {
		b.look(f, now)
	}
}

// lookDue looks at the files whose time has come.
func (b *Inbox) lookDue() {
	for now := time.Now(); len(b.dues) > 0 && !b.dues[0].due.After(now); {
		f := b.dues[0]
		b.dues.set(f, time.Time{})
		b.look(f, now)
	}
}

// look judges the file and does what follows.
func (b *Inbox) look(f *file, now time.Time) {
	v, gone := b.judge(f, now)
	if gone {
		b.forget(f.rel, f)
		return
	}
	f.state, f.why = v.state, v.why
	at := time.Time{}
	if v.again > 0 {
		at = now.Add(v.again)
	}
	b.dues.set(f, at)
	if v.state == Taking {
		b.queue.push(f)
	}
}

// watchFailed notes that a folder is not watched: sweeps still find what comes there.
func (b *Inbox) watchFailed(err error) {
	if b.status.WatchError == "" {
		b.cfg.Log.Warn("a folder of the inbox is swept only", "error", err)
	}
	b.status.WatchError = reason(err)
}

package dropfolder

import (
	"container/heap"
	"hash/maphash"
	"io/fs"
	"os"
	"strings"
	"time"

	"sluice/catalog"
	"sluice/ingest/complete"
	"sluice/internal/writeprobe"
)

// errGone says that a file is not there.
var errGone = fs.ErrNotExist

// Ways to tell that a file is complete. Where what they go by was not seen, a file must rest.
const (
	stableClose  = "close"
	stableRename = "rename"
	stableMarker = "marker"
	stableSize   = "size"
)

// remoteLooks is how often a file on another machine must be found unchanged.
const remoteLooks = 3

// arriving is a file in the state Uploading.
type arriving struct {
	File
	complete.Progress
	id  catalog.DropFolderFileID
	row File // what the row says of it
	// told is what an event said of File, until a look finds that the file is still so.
	told  complete.Evidence
	sweep uint32
	due   time.Time // when to look again; zero: at the next event or sweep
	heap  int       // place among those that are due, from 1
}

// marker is the ending of the names of marker files, "" when files need none.
func (fo *folder) marker() string {
	if fo.f.Options.Stability != stableMarker {
		return ""
	}
	if fo.f.Options.MarkerSuffix == "" {
		return ".done"
	}
	return fo.f.Options.MarkerSuffix
}

// marked is the path of the file that a marker at rel completes, "" when it is no marker.
func (fo *folder) marked(rel string) string {
	if m := fo.marker(); m != "" && strings.HasSuffix(rel, m) {
		return strings.TrimSuffix(rel, m)
	}
	return ""
}

// track follows a file whose row is in the state Uploading.
func (s *scan) track(id catalog.DropFolderFileID, o observation) {
	a := &arriving{File: o.File, id: id, row: o.File, sweep: s.sweeps}
	if s.local == nil {
		a.Update(s.progress(o.File), time.Now())
	}
	a.told = o.seen
	s.arriving[a.Path] = a
	delete(s.known, s.hash(catalog.PathKey(a.Path))) // one or the other, or the next sweep misses it
	s.look(a, time.Now())
}

// progress is the identity of a file as far as its store tells.
func (s *scan) progress(f File) complete.Identity {
	return complete.Identity{Size: f.Size, MTime: f.ModTime.UnixNano(), Dev: maphash.String(s.seed, f.Identity)}
}

// renew enters what a look at a file found.
func (s *scan) renew(a *arriving, o observation) {
	now := time.Now()
	a.sweep = s.sweeps
	changed := o.Size != a.Size || !o.ModTime.Equal(a.ModTime) || o.Identity != a.Identity
	a.File = o.File
	if s.local == nil {
		if !a.Update(s.progress(o.File), now) {
			a.Looks++
		}
	}
	// What an event tells of a file that waits for a time is entered with its end, or by the next sweep: most end before that.
	if changed && a.due.IsZero() || o.by == "sweep" && a.row != a.File {
		s.stale = append(s.stale, a)
	}
	a.told = o.seen
	// One that waits for a time, and did not change, waits on.
	if changed || o.seen != complete.None || a.due.IsZero() {
		s.look(a, now)
	}
}

func (s *scan) forget(a *arriving) {
	s.dues.set(a, time.Time{})
	delete(s.arriving, a.Path)
}

// lookDue looks at the files whose time has come.
func (s *scan) lookDue(now time.Time) {
	for len(s.dues) > 0 && !s.dues[0].due.After(now) {
		a := s.dues[0]
		s.dues.set(a, time.Time{})
		s.look(a, now)
	}
}

// look judges a file and notes what follows.
func (s *scan) look(a *arriving, now time.Time) {
	v, gone := s.verdict(a, now)
	if gone {
		s.vanished(a.Path)
		return
	}
	at := time.Time{}
	if v.Again > 0 {
		at = now.Add(v.Again)
	}
	s.dues.set(a, at)
	if v.Whole {
		s.forget(a)
		s.whole = append(s.whole, a)
	}
}

func (s *scan) verdict(a *arriving, now time.Time) (v complete.Verdict, gone bool) {
	if a.Whole {
		return complete.Verdict{Whole: true}, false
	}
	if s.local == nil {
		return s.remoteVerdict(a, now), false
	}
	r, err := s.local.openFile(a.Path)
	if isGone(err) {
		return v, true
	}
	if err != nil {
		return complete.Verdict{Why: "it cannot be read: " + plain(err)}, false
	}
	defer r.Close()
	st, err := r.Stat()
	if err != nil {
		return complete.Verdict{Why: "it cannot be read: " + plain(err)}, false
	}
	if !a.Update(complete.Identify(st), now) {
		a.Looks++
	}
	was, told := a.File, a.told
	a.Size, a.ModTime, a.Identity, a.told = st.Size(), st.ModTime(), identity(a.ID.Dev, a.ID.Ino), complete.None
	if told != complete.None && a.Size == was.Size && a.ModTime.Equal(was.ModTime) && a.Identity == was.Identity {
		a.Seen, a.Changed = told, now
	}
	return s.localVerdict(a, r, now), false
}

func (s *scan) localVerdict(a *arriving, r *os.File, now time.Time) complete.Verdict {
	writers := s.judge.Writers(&a.Progress, r, now)
	if writers != writeprobe.Busy {
		if s.marker() != "" {
			return complete.Verdict{Whole: s.marks[a.Path]}
		}
		switch s.f.Options.Stability {
		case stableSize:
			writers = writeprobe.Unknown
		case stableClose: // who renames may write on
			a.Seen = min(a.Seen, complete.Closed)
		case stableRename: // who closes may open again
			if a.Seen == complete.Closed {
				a.Seen = complete.None
			}
		}
	}
	return s.judge.Look(&a.Progress, r, writers, now)
}

// remoteVerdict has nothing but what listings say.
func (s *scan) remoteVerdict(a *arriving, now time.Time) complete.Verdict {
	if s.marker() != "" {
		return complete.Verdict{Whole: s.marks[a.Path]}
	}
	return complete.Verdict{Whole: a.Looks >= remoteLooks && now.Sub(a.Changed) >= s.interval()}
}

// dues orders files by when to look at them again.
type dues []*arriving

func (d dues) Len() int           { return len(d) }
func (d dues) Less(i, j int) bool { return d[i].due.Before(d[j].due) }
func (d dues) Swap(i, j int) {
	d[i], d[j] = d[j], d[i]
	d[i].heap, d[j].heap = i+1, j+1
}

// Push implements heap.Interface.
func (d *dues) Push(x any) {
	a := x.(*arriving)
	*d = append(*d, a)
	a.heap = len(*d)
}

// Pop implements heap.Interface.
func (d *dues) Pop() any {
	old := *d
	a := old[len(old)-1]
	old[len(old)-1] = nil
	*d = old[:len(old)-1]
	a.heap = 0
	return a
}

// set makes the file due at that time; the zero time makes it due no more.
func (d *dues) set(a *arriving, at time.Time) {
	if a.heap > 0 {
		heap.Remove(d, a.heap-1)
	}
	if a.due = at; !at.IsZero() {
		heap.Push(d, a)
	}
}

// wait is the time until the first is due.
func (d dues) wait(now time.Time) time.Duration {
	if len(d) == 0 {
		return time.Hour
	}
	return max(0, d[0].due.Sub(now))
}

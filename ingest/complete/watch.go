package complete

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// What is watched for. Closing after writing and renaming into place are what completes a file.
const watched = unix.IN_CLOSE_WRITE | unix.IN_MOVED_TO | unix.IN_MOVED_FROM | unix.IN_CREATE | unix.IN_DELETE |
	unix.IN_ONLYDIR | unix.IN_DONT_FOLLOW | unix.IN_EXCL_UNLINK

// Event is a notification about Dir/Name, of inotify(7). Lost says that some were dropped, and nothing else.
type Event struct {
	Dir, Name string
	Mask      uint32
	Lost      bool
}

// Evidence is what the event tells of a file.
func (e Event) Evidence() Evidence {
	switch {
	case e.Mask&unix.IN_MOVED_TO != 0:
		return Moved
	case e.Mask&unix.IN_CLOSE_WRITE != 0:
		return Closed
	}
	return None
}

// IsDir says that the event is about a directory, Appeared that this is new in its place.
func (e Event) IsDir() bool { return e.Mask&unix.IN_ISDIR != 0 }

// Appeared says that the name is new.
func (e Event) Appeared() bool { return e.Mask&(unix.IN_CREATE|unix.IN_MOVED_TO) != 0 }

// Watcher reads notifications about directories, which come by Events. Its queue is bounded: when it is full, events are dropped and one that says so follows, as
// the kernel does with its own queue.
type Watcher struct {
	Events chan Event

	file *os.File
	done chan struct{}

	mu   sync.Mutex
	dirs map[int32]string // by watch descriptor
}

// NewWatcher makes a watcher of nothing yet, with a queue of so many events.
func NewWatcher(queue int) (*Watcher, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("inotify: %w", err)
	}
	w := &Watcher{
		file: os.NewFile(uintptr(fd), "inotify"), Events: make(chan Event, queue), done: make(chan struct{}), dirs: map[int32]string{},
	}
	go w.read()
	return w, nil
}

// Add watches dir, a path as events shall have it, which is at full; adding it again renews its path.
func (w *Watcher) Add(dir, full string) error {
	conn, err := w.file.SyscallConn()
	if err != nil {
		return err
	}
	// The table is locked around the call, so that no event of the new watch is read before it is entered.
	w.mu.Lock()
	defer w.mu.Unlock()
	var wd int
	var addErr error
	if err := conn.Control(func(fd uintptr) { wd, addErr = unix.InotifyAddWatch(int(fd), full, watched) }); err != nil {
		return err
	}
	if errors.Is(addErr, unix.ENOSPC) {
		return errors.New("no inotify watches are left (fs.inotify.max_user_watches)")
	}
	if addErr != nil {
		return addErr
	}
	w.dirs[int32(wd)] = dir
	return nil
}

// Reset forgets the directories: nothing is told of them until they are added again.
func (w *Watcher) Reset() {
	w.mu.Lock()
	defer w.mu.Unlock()
	clear(w.dirs)
}

// Close ends the watcher and waits for its goroutine.
func (w *Watcher) Close() error {
	err := w.file.Close()
	<-w.done
	return err
}

// tellAfter is how long after events were dropped it is tried again to say so, where none come that it could be said before.
const tellAfter = 100 * time.Millisecond

func (w *Watcher) read() {
	defer close(w.done)
	buf := make([]byte, 64<<10)
	for lost := false; ; {
		var until time.Time
		if lost {
			until = time.Now().Add(tellAfter)
		}
		if w.file.SetReadDeadline(until) != nil {
			return // closed
		}
		n, err := w.file.Read(buf)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			lost = !w.send(Event{Lost: true})
			continue
		}
		if err != nil {
			return
		}
		for _, e := range w.parse(buf[:n]) {
			if lost = lost && !w.send(Event{Lost: true}) || !w.send(e); lost {
				overflows.Inc()
			}
		}
	}
}

// send queues the event unless the queue is full.
func (w *Watcher) send(e Event) bool {
	select {
	case w.Events <- e:
		return true
	default:
		return false
	}
}

// parse reads a sequence of struct inotify_event (inotify(7)).
func (w *Watcher) parse(b []byte) []Event {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []Event
	for len(b) >= unix.SizeofInotifyEvent {
		wd := int32(binary.NativeEndian.Uint32(b))
		mask := binary.NativeEndian.Uint32(b[4:])
		length := int(binary.NativeEndian.Uint32(b[12:]))
		if length > len(b)-unix.SizeofInotifyEvent {
			break
		}
		name, _, _ := bytes.Cut(b[unix.SizeofInotifyEvent:unix.SizeofInotifyEvent+length], []byte{0})
		b = b[unix.SizeofInotifyEvent+length:]
		dir, known := w.dirs[wd]
		switch {
		case mask&unix.IN_Q_OVERFLOW != 0:
			overflows.Inc()
			out = append(out, Event{Lost: true})
		case mask&unix.IN_IGNORED != 0:
			delete(w.dirs, wd)
		case known && len(name) > 0:
			out = append(out, Event{Dir: dir, Name: string(name), Mask: mask})
		}
	}
	return out
}

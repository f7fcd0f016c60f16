package inbox

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// What is watched for. Closing after writing and renaming into place are what completes a file.
const watched = unix.IN_CLOSE_WRITE | unix.IN_MOVED_TO | unix.IN_MOVED_FROM | unix.IN_CREATE | unix.IN_DELETE |
	unix.IN_ONLYDIR | unix.IN_DONT_FOLLOW | unix.IN_EXCL_UNLINK

// event is a notification about dir/name. Lost says that some were dropped, and nothing else.
type event struct {
	dir, name string
	mask      uint32
	lost      bool
}

// watcher reads notifications. Its queue is bounded: when it is full, events are dropped and one that says so follows, as
// the kernel does with its own queue.
type watcher struct {
	file   *os.File
	events chan event
	done   chan struct{}

	mu   sync.Mutex
	dirs map[int32]string // by watch descriptor
}

func newWatcher(queue int) (*watcher, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("inotify: %w", err)
	}
	w := &watcher{
		file: os.NewFile(uintptr(fd), "inotify"), events: make(chan event, queue), done: make(chan struct{}), dirs: map[int32]string{},
	}
	go w.read()
	return w, nil
}

// add watches dir, a path below the inbox as given by full; adding it again renews its path.
func (w *watcher) add(dir, full string) error {
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

// close ends the watcher and waits for its goroutine.
func (w *watcher) close() error {
	err := w.file.Close()
	<-w.done
	return err
}

func (w *watcher) read() {
	defer close(w.done)
	buf := make([]byte, 64<<10)
	lost := false
	for {
		n, err := w.file.Read(buf)
		if err != nil {
			return
		}
		for _, e := range w.parse(buf[:n]) {
			if lost = w.send(e, lost); lost {
				overflows.Inc()
			}
		}
	}
}

// send queues the event, after word of those that were lost before. It returns whether some are lost.
func (w *watcher) send(e event, lost bool) bool {
	if lost {
		select {
		case w.events <- event{lost: true}:
		default:
			return true
		}
	}
	select {
	case w.events <- e:
		return false
	default:
		return true
	}
}

// parse reads a sequence of struct inotify_event (inotify(7)).
func (w *watcher) parse(b []byte) []event {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []event
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
			out = append(out, event{lost: true})
		case mask&unix.IN_IGNORED != 0:
			delete(w.dirs, wd)
		case known && len(name) > 0:
			out = append(out, event{dir: dir, name: string(name), mask: mask})
		}
	}
	return out
}

package remux

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"sync"
)

// writerQueue is how many chunks of media wait for the disk; when it is full, demuxing waits.
const writerQueue = 3

// mediaFile writes media chunks to a temporary file beside the output, on a goroutine of its own.
type mediaFile struct {
	f      *os.File
	output string
	off    int64 // where the next chunk goes

	disk disk
	jobs chan []byte
	free chan []byte
	wg   sync.WaitGroup

	mu   sync.Mutex
	err  error
	open bool // the goroutine runs
}

func createMediaFile(output string, d disk) (*mediaFile, error) {
	f, err := os.CreateTemp(filepath.Dir(output), "."+filepath.Base(output)+".*.partial")
	if err != nil {
		return nil, err
	}
	w := &mediaFile{f: f, output: output, disk: d, jobs: make(chan []byte, writerQueue), free: make(chan []byte, writerQueue+4), open: true}
	w.wg.Go(w.run)
	return w, nil
}

func (w *mediaFile) run() {
	for b := range w.jobs {
		if w.failed() == nil {
			if _, err := w.f.Write(b); err != nil {
				w.mu.Lock()
				w.err = err
				w.mu.Unlock()
			}
		}
		select {
		case w.free <- b[:0]:
		default:
		}
	}
}

func (w *mediaFile) failed() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.err
}

// buffer returns an empty buffer to fill and hand to write.
func (w *mediaFile) buffer() []byte {
	select {
	case b := <-w.free:
		return b
	default:
		return make([]byte, 0, chunkBytes+chunkBytes/4)
	}
}

// write queues b, which is the writer's from then on, and returns where it goes.
func (w *mediaFile) write(b []byte) (off int64, err error) {
	if err := w.failed(); err != nil {
		return 0, err
	}
	off = w.off
	w.off += int64(len(b))
	w.jobs <- b
	return off, nil
}

// drain waits until everything is written.
func (w *mediaFile) drain() error {
	if w.open {
		close(w.jobs)
		w.wg.Wait()
		w.open = false
	}
	return w.failed()
}

// commit gives the file its name.
func (w *mediaFile) commit() error {
	if err := w.f.Chmod(0o644); err != nil {
		return err
	}
	if err := w.disk.close(w.f); err != nil {
		return err
	}
	if err := w.disk.publish(w.f.Name(), w.output); err != nil {
		return err
	}
	w.f = nil
	return nil
}

// abort removes the file unless it was committed.
func (w *mediaFile) abort() {
	_ = w.drain() // it was told by write or commit, or nobody wants the file
	if w.f != nil {
		name := w.f.Name()
		w.f.Close()
		os.Remove(name)
		w.f = nil
	}
}

// replace puts head in front of the media that starts at from, in a new file, when there is no room in the old one.
func (w *mediaFile) replace(head []byte, from int64) error {
	nf, err := os.CreateTemp(filepath.Dir(w.output), "."+filepath.Base(w.output)+".*.partial")
	if err != nil {
		return err
	}
	_, err = nf.Write(head)
	if err == nil {
		_, err = w.f.Seek(from, io.SeekStart)
	}
	if err == nil {
		_, err = io.Copy(nf, w.f) // copy_file_range, where the file system can
	}
	if err != nil {
		nf.Close()
		return errors.Join(err, os.Remove(nf.Name()))
	}
	old := w.f
	w.f = nf
	old.Close()
	return os.Remove(old.Name())
}

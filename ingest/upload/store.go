package upload

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"sluice/catalog"
	"sluice/internal/fault"
)

// piece is bytes on their way into a file.
type piece struct {
	at int64
	// size is how many they are, -1 when only their end tells; most bounds them then, 0 means the engine's limit.
	size, most int64
	src        io.Reader
	// inner says that the file is a part of another.
	inner bool
	// verify, when set, is asked at the end of the bytes whether they may be kept: until then nothing of them is recorded, and
	// what is here of their place stays as it is.
	verify func() error
}

// store writes a piece and records it part by part, each after it is on disk. It returns how many bytes it recorded; fewer came
// when that is less than the piece's size.
func (e *Engine) store(ctx context.Context, hold *hold, t catalog.UploadToken, p piece) (catalog.UploadToken, int64, error) {
	if e.Admit != nil {
		if err := e.Admit(max(p.size, 0)); err != nil {
			return t, 0, err
		}
	}
	f, err := os.OpenFile(e.Path(t), os.O_RDWR, 0)
	if err != nil {
		return t, 0, err
	}
	defer f.Close()
	if p.size > 0 {
		// A full disk is better known before than after.
		if err := unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_KEEP_SIZE, p.at, p.size); errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) {
			return t, 0, full(err)
		}
	}
	if _, err := f.Seek(p.at, io.SeekStart); err != nil {
		return t, 0, err
	}
	dst := io.Writer(f)
	if p.verify != nil {
		k, err := e.keep(ctx, t, f, p)
		if err != nil {
			return t, 0, err
		}
		dst, p.verify = k, k.after(p.verify)
	}
	if p.at == 0 && !p.inner {
		if p.src, err = Look(p.src); err != nil {
			return t, 0, err
		}
	}
	return e.pour(ctx, hold, t, f, dst, p)
}

// Look refuses a file by its first bytes, as CheckType does, before the rest is waited for. It returns a reader of all of it.
func Look(src io.Reader) (io.Reader, error) {
	r := bufio.NewReaderSize(src, sniffBytes)
	head, _ := r.Peek(sniffBytes) // what is wrong with it is met again when it is read
	return r, CheckType(head)
}

// pour copies a piece to the file, by dst, and records what is synced.
func (e *Engine) pour(ctx context.Context, hold *hold, t catalog.UploadToken, f *os.File, dst io.Writer, p piece) (catalog.UploadToken, int64, error) {
	left := e.most(p)
	var done, recorded int64
	for ended := false; !ended; {
		n, err := copyPiece(ctx, dst, p.src, min(journalBytes, left-done))
		done += n
		ended = err != nil || done == left
		if errors.Is(err, io.EOF) {
			err = nil
		}
		if ended && err == nil && p.verify != nil {
			err = p.verify()
		}
		if p.verify != nil && (err != nil || !ended) {
			if ended {
				return t, 0, full(err)
			}
			continue
		}
		if done > recorded {
			fault.Point("upload.written")
			if syncErr := unix.Fdatasync(int(f.Fd())); syncErr != nil {
				return t, recorded, errors.Join(err, syncErr)
			}
			fault.Point("upload.synced")
			// What is on disk counts, also when the request is over.
			rec, recErr := e.record(context.WithoutCancel(ctx), t, p.at+recorded, p.at+done)
			if recErr != nil {
				return t, recorded, errors.Join(err, recErr)
			}
			fault.Point("upload.recorded")
			t, recorded = rec, done
			hold.wake()
		}
		if err != nil {
			return t, recorded, full(err)
		}
	}
	return t, recorded, nil
}

// most is how many bytes a piece has at most.
func (e *Engine) most(p piece) int64 {
	switch room := e.maxSize() - p.at; {
	case p.size >= 0:
		return p.size
	case p.most > 0:
		return min(room, p.most)
	default:
		return room
	}
}

// buffers are what pieces pass through.
var buffers = sync.Pool{New: func() any { return new([256 << 10]byte) }}

// copyPiece copies up to most bytes, or as many as come in about journalEvery. At the end of src it returns io.EOF.
func copyPiece(ctx context.Context, dst io.Writer, src io.Reader, most int64) (int64, error) {
	buf := buffers.Get().(*[256 << 10]byte)
	defer buffers.Put(buf)
	began := time.Now()
	var done int64
	for done < most && (done == 0 || time.Since(began) < journalEvery) {
		if err := ctx.Err(); err != nil {
			return done, err
		}
		n, err := src.Read(buf[:min(int64(len(buf)), most-done)])
		if n > 0 {
			m, writeErr := dst.Write(buf[:n])
			done += int64(m)
			if writeErr != nil {
				return done, writeErr
			}
		}
		if err != nil {
			return done, err
		}
	}
	return done, nil
}

package gateway

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"
	"sync/atomic"
	"time"

	ftpserver "github.com/fclairamb/ftpserverlib"
	"github.com/spf13/afero"

	"sluice/catalog"
	"sluice/storage"
)

// ftpFiles answers a session's FTP commands.
type ftpFiles struct {
	s    *session
	cc   ftpserver.ClientContext
	busy atomic.Int32 // files that move

	mu     sync.Mutex // guards what follows
	doubts []*doubt
	ended  bool
	allo   int64 // what the client announced for its next file
}

var (
	_ ftpserver.ClientDriver                        = (*ftpFiles)(nil)
	_ ftpserver.ClientDriverExtentionFileTransfer   = (*ftpFiles)(nil)
	_ ftpserver.ClientDriverExtensionFileList       = (*ftpFiles)(nil)
	_ ftpserver.ClientDriverExtensionRemoveDir      = (*ftpFiles)(nil)
	_ ftpserver.ClientDriverExtensionHasher         = (*ftpFiles)(nil)
	_ ftpserver.ClientDriverExtensionAllocate       = (*ftpFiles)(nil)
	_ ftpserver.ClientDriverExtensionAvailableSpace = (*ftpFiles)(nil)
)

// says is an error as FTP has it.
func says(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrName):
		return fmt.Errorf("%w: %w", ftpserver.ErrFileNameNotAllowed, err)
	case errors.Is(err, storage.ErrFull), errors.Is(err, catalog.ErrQuota), errors.Is(err, ErrTooLarge):
		return fmt.Errorf("%w: %w", ftpserver.ErrStorageExceeded, err)
	}
	return err
}

// idle says whether nothing happens on the connection for too long.
func (f *ftpFiles) idle() bool { return f.busy.Load() == 0 && f.s.idle() }

// command notes that the client is there. Uploads in doubt, but for the one of the path that it asks about, are then not cut.
func (f *ftpFiles) command(p string) {
	f.s.touch()
	d, rel, err := f.s.at(p)
	f.mu.Lock()
	var sure []*doubt
	kept := f.doubts[:0]
	for _, t := range f.doubts {
		if err == nil && t.d == d && t.rel == rel {
			kept = append(kept, t)
		} else {
			sure = append(sure, t)
		}
	}
	f.doubts = kept
	f.mu.Unlock()
	for _, t := range sure {
		f.resolve(t, true)
	}
}

// resolve ends a doubt that is on the list no more.
func (f *ftpFiles) resolve(t *doubt, alive bool) {
	if t.timer.Stop() {
		defer f.s.g.decided(t)
		t.resolve(alive)
	}
}

// doubted has an upload decided about when the client said more, left, or said nothing for a while.
func (f *ftpFiles) doubted(t *doubt) {
	g := f.s.g
	if !g.begin() {
		return // the server stops: the next one decides
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.doubts[t] = struct{}{}
	t.timer = time.AfterFunc(g.cfg.Quiet, func() {
		defer g.decided(t)
		f.mu.Lock()
		ended := f.ended
		f.mu.Unlock()
		t.resolve(!ended)
	})
	f.doubts = append(f.doubts, t)
}

// disconnected ends the session. A client that took its leave, or said anything after its last file, sent that whole; one that is
// suddenly gone leaves its last file in doubt.
func (f *ftpFiles) disconnected() {
	f.mu.Lock()
	list := f.doubts
	more := saidMore(f.cc)
	if f.ended = true; more {
		f.doubts = nil
	}
	f.mu.Unlock()
	if more {
		for _, t := range list {
			f.resolve(t, true)
		}
	}
}

// GetHandle opens a file for a transfer.
func (f *ftpFiles) GetHandle(name string, flags int, offset int64) (ftpserver.FileTransfer, error) {
	f.command(name)
	if !f.s.g.begin() {
		return nil, errors.New("the server stops")
	}
	h, err := f.open(name, flags, offset)
	if err != nil {
		f.s.g.work.Done()
		return nil, says(err)
	}
	f.busy.Add(1)
	return h, nil
}

func (f *ftpFiles) open(name string, flags int, offset int64) (ftpserver.FileTransfer, error) {
	if flags&(os.O_WRONLY|os.O_RDWR) == 0 {
		file, err := f.s.openRead(name)
		if err != nil {
			return nil, err
		}
		return &ftpDownload{File: file, f: f}, nil
	}
	f.mu.Lock()
	allo := f.allo
	f.allo = 0
	f.mu.Unlock()
	w, err := f.s.openWrite(name, openMode{create: true, trunc: flags&os.O_TRUNC != 0, append: flags&os.O_APPEND != 0})
	if err != nil {
		return nil, err
	}
	if offset > w.p.size.Load() {
		w.Lost()
		return nil, pathError("open", name, fmt.Errorf("%w: only %d bytes are here", ErrIncomplete, w.p.size.Load()))
	}
	if offset > 0 {
		if err := w.Truncate(offset); err != nil {
			w.Lost()
			return nil, err
		}
	}
	return &ftpUpload{writer: w, f: f, allo: allo}, nil
}

// ended counts a transfer that is over.
func (f *ftpFiles) transferred() {
	f.s.touch()
	f.busy.Add(-1)
	f.s.g.work.Done()
}

type ftpDownload struct {
	*os.File
	f    *ftpFiles
	once sync.Once
}

func (d *ftpDownload) Read(b []byte) (int, error) {
	n, err := d.File.Read(b)
	d.f.s.sent(n)
	if slow := d.f.s.slow(n); slow != nil {
		return 0, slow
	}
	return n, err
}

func (d *ftpDownload) Close() error {
	d.once.Do(d.f.transferred)
	return d.File.Close()
}

type ftpUpload struct {
	*writer
	f    *ftpFiles
	allo int64
	sent int64
	once sync.Once
}

func (u *ftpUpload) Read([]byte) (int, error) { return 0, ErrUnsupported }

func (u *ftpUpload) Write(b []byte) (int, error) {
	n, err := u.writer.Write(b)
	u.sent += int64(n)
	return n, says(err)
}

// TransferError says that the stream broke.
func (u *ftpUpload) TransferError(error) { u.Lost() }

// Close says that the stream ended. Whether it was cut, only the announced size can tell at once.
func (u *ftpUpload) Close() error {
	defer u.once.Do(u.f.transferred)
	total := u.p.size.Load()
	switch {
	case u.ended:
		return nil
	case u.allo > 0 && (u.sent == u.allo || total == u.allo):
		return says(u.writer.Close())
	case u.allo > 0 && u.sent < u.allo && total < u.allo:
		u.Lost()
		return fmt.Errorf("%w: %d of %d bytes came", ErrIncomplete, u.sent, u.allo)
	}
	t, err := u.Doubtful()
	if t != nil {
		u.f.doubted(t)
	}
	return says(err)
}

// AllocateSpace notes the size of the next file.
func (f *ftpFiles) AllocateSpace(size int) error {
	f.s.touch()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.allo = int64(size)
	return nil
}

// GetAvailableSpace tells how much room there is, in bytes.
func (f *ftpFiles) GetAvailableSpace(dir string) (int64, error) {
	st, err := f.s.space(dir)
	return int64(st.Bavail) * st.Frsize, err
}

var ftpSums = map[ftpserver.HASHAlgo]string{
	ftpserver.HASHAlgoCRC32: "crc32", ftpserver.HASHAlgoMD5: "md5", ftpserver.HASHAlgoSHA1: "sha1",
	ftpserver.HASHAlgoSHA256: "sha256", ftpserver.HASHAlgoSHA512: "sha512",
}

// ComputeHash answers HASH, XMD5, XSHA256 and their like.
func (f *ftpFiles) ComputeHash(name string, algo ftpserver.HASHAlgo, from, to int64) (string, error) {
	f.command(name)
	return f.s.sum(f.s.ctx, name, ftpSums[algo], from, to)
}

// ReadDir lists a folder.
func (f *ftpFiles) ReadDir(name string) ([]os.FileInfo, error) {
	f.command(name)
	l, err := f.s.list(name)
	if err != nil {
		return nil, err
	}
	defer l.Close()
	var out []os.FileInfo
	for {
		list, err := l.next(listBatch)
		out = append(out, list...)
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, pathError("list", name, err)
		}
	}
}

const listBatch = 1024

// Stat describes a path.
func (f *ftpFiles) Stat(name string) (os.FileInfo, error) { f.command(name); return f.s.stat(name) }

// Mkdir makes a folder.
func (f *ftpFiles) Mkdir(name string, _ os.FileMode) error {
	f.command(name)
	return says(f.s.mkdir(name))
}

// Remove removes a file.
func (f *ftpFiles) Remove(name string) error { f.command(name); return f.s.remove(name) }

// RemoveDir removes an empty folder.
func (f *ftpFiles) RemoveDir(name string) error { f.command(name); return f.s.rmdir(name) }

// Rename moves a file or a folder; what has the new name is replaced.
func (f *ftpFiles) Rename(from, to string) error {
	f.command(from)
	return says(f.s.rename(from, to, true))
}

// Chtimes gives a file its time.
func (f *ftpFiles) Chtimes(name string, _, mtime time.Time) error {
	f.command(name)
	return f.s.setTime(name, mtime)
}

// Name names the file system, for the library.
func (f *ftpFiles) Name() string { return "sluice" }

// What follows is part of the library's file system and is not used, or not ours to give.

func (f *ftpFiles) Create(string) (afero.File, error)                     { return nil, ErrUnsupported }
func (f *ftpFiles) Open(string) (afero.File, error)                       { return nil, ErrUnsupported }
func (f *ftpFiles) OpenFile(string, int, fs.FileMode) (afero.File, error) { return nil, ErrUnsupported }
func (f *ftpFiles) MkdirAll(string, fs.FileMode) error                    { return ErrUnsupported }
func (f *ftpFiles) RemoveAll(string) error                                { return ErrUnsupported }
func (f *ftpFiles) Chmod(string, fs.FileMode) error                       { return ErrUnsupported }
func (f *ftpFiles) Chown(string, int, int) error                          { return ErrUnsupported }

package gateway

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/pkg/sftp"

	"sluice/storage"
)

// files answers a session's SFTP requests (draft-ietf-secsh-filexfer-02, and OpenSSH's extensions of it).
type files struct{ s *session }

var (
	_ sftp.OpenFileWriter       = (*files)(nil)
	_ sftp.FileReader           = (*files)(nil)
	_ sftp.PosixRenameFileCmder = (*files)(nil)
	_ sftp.StatVFSFileCmder     = (*files)(nil)
	_ sftp.LstatFileLister      = (*files)(nil)
	_ sftp.TransferError        = (*upload)(nil)
)

// answer is an error as SFTP has it: what the protocol has no code for goes as text.
func answer(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrNotExist):
		return sftp.ErrSSHFxNoSuchFile
	case errors.Is(err, fs.ErrPermission):
		return sftp.ErrSSHFxPermissionDenied
	case errors.Is(err, ErrUnsupported):
		return sftp.ErrSSHFxOpUnsupported
	case errors.Is(err, storage.ErrFull):
		return errors.New("disk full: the upload can be resumed when there is room")
	}
	return err
}

// Fileread opens a file for reading.
func (f *files) Fileread(r *sftp.Request) (io.ReaderAt, error) {
	f.s.touch()
	if err := f.s.grab(); err != nil {
		return nil, err
	}
	file, err := f.s.openRead(r.Filepath)
	if err != nil {
		f.s.drop()
		return nil, answer(err)
	}
	return &download{File: file, s: f.s}, nil
}

// download is a file that a client reads.
type download struct {
	*os.File
	s *session
}

func (d *download) ReadAt(b []byte, off int64) (int, error) {
	d.s.touch()
	n, err := d.File.ReadAt(b, off)
	d.s.sent(n)
	if slow := d.s.slow(n); slow != nil {
		return 0, slow
	}
	return n, err
}

// Close ends the download.
func (d *download) Close() error {
	d.s.drop()
	return d.File.Close()
}

// Filewrite opens a file for writing.
func (f *files) Filewrite(r *sftp.Request) (io.WriterAt, error) { return f.OpenFile(r) }

// OpenFile opens a file for writing and reading.
func (f *files) OpenFile(r *sftp.Request) (sftp.WriterAtReaderAt, error) {
	f.s.touch()
	if err := f.s.grab(); err != nil {
		return nil, err
	}
	flags := r.Pflags()
	w, err := f.s.openWrite(r.Filepath, openMode{create: flags.Creat, excl: flags.Creat && flags.Excl, trunc: flags.Trunc, append: flags.Append})
	if err != nil {
		f.s.drop()
		return nil, answer(err)
	}
	return &upload{w}, nil
}

// upload is a file that a client sends.
type upload struct{ w *writer }

func (u *upload) WriteAt(b []byte, off int64) (int, error) {
	u.w.s.touch()
	n, err := u.w.WriteAt(b, off)
	return n, answer(err)
}

func (u *upload) ReadAt(b []byte, off int64) (int, error) { return u.w.ReadAt(b, off) }

// TransferError says that the client is gone while the file is open.
func (u *upload) TransferError(error) { u.w.Lost() }

// Close ends the file: it is whole.
func (u *upload) Close() error {
	u.w.s.touch()
	u.w.s.drop()
	return answer(u.w.Close())
}

// Filecmd does everything that is neither reading nor writing.
func (f *files) Filecmd(r *sftp.Request) error {
	f.s.touch()
	switch r.Method {
	case "Setstat":
		return answer(f.setstat(r))
	case "Rename":
		return answer(f.s.rename(r.Filepath, r.Target, false))
	case "Mkdir":
		return answer(f.s.mkdir(r.Filepath))
	case "Rmdir":
		return answer(f.s.rmdir(r.Filepath))
	case "Remove":
		return answer(f.s.remove(r.Filepath))
	}
	return sftp.ErrSSHFxOpUnsupported // links of either kind
}

// PosixRename renames over what is there, as POSIX does.
func (f *files) PosixRename(r *sftp.Request) error {
	f.s.touch()
	return answer(f.s.rename(r.Filepath, r.Target, true))
}

// setstat gives a file its time, and cuts one that is under way. Mode and owner are ours to choose.
func (f *files) setstat(r *sftp.Request) error {
	flags, attrs := r.AttrFlags(), r.Attributes()
	if flags.Size {
		if err := f.s.truncate(r.Filepath, int64(attrs.Size)); err != nil {
			return err
		}
	}
	if flags.Acmodtime {
		return f.s.setTime(r.Filepath, time.Unix(int64(attrs.Mtime), 0))
	}
	if flags.Size {
		return nil
	}
	_, err := f.s.stat(r.Filepath)
	return err
}

// StatVFS tells how much room there is.
func (f *files) StatVFS(r *sftp.Request) (*sftp.StatVFS, error) {
	st, err := f.s.space(r.Filepath)
	if err != nil {
		return nil, answer(err)
	}
	return &sftp.StatVFS{
		Bsize: uint64(st.Bsize), Frsize: uint64(st.Frsize), Blocks: st.Blocks, Bfree: st.Bfree, Bavail: st.Bavail,
		Files: st.Files, Ffree: st.Ffree, Favail: st.Ffree, Namemax: maxNameBytes,
	}, nil
}

// Filelist lists a folder or describes a path.
func (f *files) Filelist(r *sftp.Request) (sftp.ListerAt, error) {
	f.s.touch()
	switch r.Method {
	case "List":
		if err := f.s.grab(); err != nil {
			return nil, err
		}
		l, err := f.s.list(r.Filepath)
		if err != nil {
			f.s.drop()
			return nil, answer(err)
		}
		return &lister{l, f.s.drop}, nil
	case "Stat":
		i, err := f.s.stat(r.Filepath)
		if err != nil {
			return nil, answer(err)
		}
		return &lister{&fixed{list: []fs.FileInfo{i}}, nil}, nil
	}
	return nil, sftp.ErrSSHFxOpUnsupported
}

// Lstat is Stat: there are no links.
func (f *files) Lstat(r *sftp.Request) (sftp.ListerAt, error) {
	i, err := f.s.stat(r.Filepath)
	if err != nil {
		return nil, answer(err)
	}
	return &lister{&fixed{list: []fs.FileInfo{i}}, nil}, nil
}

// lister gives a listing in the order in which the library asks, from front to back.
type lister struct {
	entries
	drop func()
}

// ListAt gives the next ones.
func (l *lister) ListAt(out []os.FileInfo, _ int64) (int, error) {
	list, err := l.next(len(out))
	return copy(out, list), err
}

// Close ends the listing.
func (l *lister) Close() error {
	if l.drop != nil {
		l.drop()
	}
	return l.entries.Close()
}

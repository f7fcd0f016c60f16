package disk

import (
	"context"
	"errors"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// copyStep bounds one copy_file_range call, so that a cancelled copy ends soon.
const copyStep = 64 << 20

// reflink makes dst, which is empty, share the blocks of src; it reports whether the file system could
// (ioctl_ficlone(2)).
func reflink(dst, src *os.File) bool {
	return unix.IoctlFileClone(int(dst.Fd()), int(src.Fd())) == nil
}

// reserve asks for room for size bytes, so that a full disk is found out before anything is copied. File systems that
// cannot reserve are no error.
func reserve(f *os.File, size int64) error {
	if size <= 0 {
		return nil
	}
	err := unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_KEEP_SIZE, 0, size)
	if errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) {
		return err
	}
	return nil
}

// copyRange appends n bytes of src from off to dst within the kernel (copy_file_range(2)), or through a buffer where
// that does not work or gains nothing: ext4 neither shares blocks nor copies elsewhere, and copies through a pipe, which leaves
// dst in the page cache in small pieces that cost those who read it more.
func copyRange(ctx context.Context, dst, src *os.File, off, n int64) error {
	var fs unix.Statfs_t
	if err := unix.Fstatfs(int(dst.Fd()), &fs); err == nil && fs.Type == unix.EXT4_SUPER_MAGIC {
		return copyThrough(ctx, dst, src, off, n)
	}
	for n > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		done, err := unix.CopyFileRange(int(src.Fd()), &off, int(dst.Fd()), nil, int(min(n, copyStep)), 0)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.EXDEV), errors.Is(err, unix.EINVAL), errors.Is(err, unix.ENOSYS),
			errors.Is(err, unix.EOPNOTSUPP), errors.Is(err, unix.EPERM):
			return copyThrough(ctx, dst, src, off, n)
		case err != nil:
			return &os.PathError{Op: "copy_file_range", Path: src.Name(), Err: err}
		case done == 0:
			return io.ErrUnexpectedEOF
		}
		n -= int64(done)
	}
	return nil
}

// copyThrough writes whole buffers at multiples of their size, for which the kernel takes pages in one piece.
func copyThrough(ctx context.Context, dst, src *os.File, off, n int64) error {
	at, err := dst.Seek(0, io.SeekCurrent)
	if err != nil {
		return err
	}
	buf := buffers.Get().(*[bufferSize]byte)
	defer buffers.Put(buf)
	for n > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		done, err := src.ReadAt(buf[:min(n, bufferSize-at%bufferSize)], off)
		if done == 0 {
			if err == nil || err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return err
		}
		if _, err := dst.Write(buf[:done]); err != nil {
			return err
		}
		at += int64(done)
		off += int64(done)
		n -= int64(done)
	}
	return nil
}

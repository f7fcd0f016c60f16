// Package durable does to local files what must hold after a crash, whoever crashed: names that stay, locks that go.
package durable

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// SyncDir makes the names in a directory durable.
func SyncDir(dir string) error { return sync(dir) }

// SyncFile makes the bytes of a file durable, whoever wrote them.
func SyncFile(path string) error { return sync(path) }

func sync(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// LockFile opens path, making it if need be with the permissions, and locks it as Lock does.
func LockFile(path string, perm os.FileMode, how int) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, perm)
	if err != nil {
		return nil, err
	}
	if err := Lock(f, how); err != nil {
		return nil, err
	}
	return f, nil
}

// Lock locks the open file in the way of flock(2), or closes it: unix.EWOULDBLOCK when how has LOCK_NB and another has it.
// Closing the file, or the death of the process, unlocks it.
func Lock(f *os.File, how int) error {
	for {
		err := unix.Flock(int(f.Fd()), how)
		if err == nil {
			return nil
		}
		if !errors.Is(err, unix.EINTR) {
			return errors.Join(err, f.Close())
		}
	}
}

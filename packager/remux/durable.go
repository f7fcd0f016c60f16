package remux

import (
	"errors"
	"os"
	"path/filepath"
)

// An output takes its name only when its bytes are on disk, and is reported only when its name is: after a power cut there is
// either the whole output or none.

// closeSynced closes a file that was written, once its bytes are on disk.
func closeSynced(f *os.File) error { return errors.Join(f.Sync(), f.Close()) }

// writeSynced makes a file of b.
func writeSynced(path string, b []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	return errors.Join(err, closeSynced(f))
}

// publish renames a finished output, whose bytes are on disk.
func publish(from, to string) error {
	if err := os.Rename(from, to); err != nil {
		return err
	}
	return syncDir(filepath.Dir(to))
}

func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

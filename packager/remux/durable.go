package remux

import (
	"errors"
	"os"
	"path/filepath"
)

// disk says how surely outputs are kept. An output takes its name only when it is complete; a durable one only when its bytes
// are on disk, and it is reported only when its name is.
type disk struct{ durable bool }

// close closes a file that was written.
func (d disk) close(f *os.File) error {
	if d.durable {
		return errors.Join(f.Sync(), f.Close())
	}
	return f.Close()
}

// write makes a file of b.
func (d disk) write(path string, b []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	return errors.Join(err, d.close(f))
}

// publish renames a finished output.
func (d disk) publish(from, to string) error {
	if err := os.Rename(from, to); err != nil {
		return err
	}
	return d.syncDir(filepath.Dir(to))
}

func (d disk) syncDir(path string) error {
	if !d.durable {
		return nil
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

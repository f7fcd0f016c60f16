package disk

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"sluice/internal/durable"
	"sluice/storage"
)

const (
	tempName = storage.Reserved + "-tmp"
	lockName = "lock"
)

// tempDir is the folder of one Store's temporary files. Its lock file is held for as long as the Store lives, so a
// folder whose lock is free belongs to nobody.
type tempDir struct {
	dir  string
	lock *os.File
	next atomic.Int64

	closeOnce sync.Once
	closeErr  error
}

// openTemp removes abandoned folders below parent and makes one of our own. Both happen under one lock, so that nobody
// removes a folder that was made but is not locked yet.
func openTemp(parent string) (*tempDir, error) {
	if err := os.MkdirAll(parent, dirMode); err != nil {
		return nil, err
	}
	guard, err := durable.LockFile(filepath.Join(parent, lockName), fileMode, unix.LOCK_EX)
	if err != nil {
		return nil, fmt.Errorf("lock the temporary folder: %w", err)
	}
	defer guard.Close()
	if err := sweep(parent); err != nil {
		return nil, fmt.Errorf("sweep the temporary folder: %w", err)
	}
	var id [8]byte
	_, _ = rand.Read(id[:])
	dir := filepath.Join(parent, hex.EncodeToString(id[:]))
	if err := os.Mkdir(dir, dirMode); err != nil {
		return nil, err
	}
	lock, err := durable.LockFile(filepath.Join(dir, lockName), fileMode, unix.LOCK_EX|unix.LOCK_NB)
	if err != nil {
		return nil, err
	}
	return &tempDir{dir: dir, lock: lock}, nil
}

// sweep removes the folders below parent whose owner is gone.
func sweep(parent string) error {
	entries, err := os.ReadDir(parent)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !e.IsDir() {
			continue
		}
		dir := filepath.Join(parent, e.Name())
		lock, err := durable.LockFile(filepath.Join(dir, lockName), fileMode, unix.LOCK_EX|unix.LOCK_NB)
		if errors.Is(err, unix.EWOULDBLOCK) {
			continue
		}
		if err != nil {
			return err
		}
		err = os.RemoveAll(dir)
		if err := errors.Join(err, lock.Close()); err != nil {
			return err
		}
	}
	return nil
}

// tempFile is an open file that does not survive unless it is published.
type tempFile struct {
	*os.File
	path string
}

func (d *tempDir) create() (*tempFile, error) {
	path := filepath.Join(d.dir, strconv.FormatInt(d.next.Add(1), 10))
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, fileMode)
	if err != nil {
		return nil, err
	}
	return &tempFile{File: f, path: path}, nil
}

// discard closes the file and removes it if it still has its temporary name.
func (f *tempFile) discard() {
	_ = f.File.Close()
	_ = os.Remove(f.path)
}

func (d *tempDir) close() error {
	d.closeOnce.Do(func() {
		d.closeErr = errors.Join(os.RemoveAll(d.dir), d.lock.Close())
	})
	return d.closeErr
}

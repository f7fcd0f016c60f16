package cache

import (
	"cmp"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

var errCorrupt = errors.New("the block on disk is not what was stored")

// file is <dir>/<source>/<index>-<CRC-32C>, all in hexadecimal.
func (c *Cache) file(b *block) string {
	return filepath.Join(c.folder(b.id), fmt.Sprintf("%x-%08x", b.id.index, b.sum))
}

func (c *Cache) folder(id blockID) string {
	s := hex.EncodeToString(id.source[:])
	return filepath.Join(c.dir, s[:2], s)
}

func parseFile(folder, name string) (blockID, uint32, bool) {
	var id blockID
	source, err := hex.DecodeString(folder)
	index, sum, ok := strings.Cut(name, "-")
	if err != nil || !ok || len(source) != len(id.source) {
		return id, 0, false
	}
	copy(id.source[:], source)
	i, err1 := strconv.ParseInt(index, 16, 64)
	s, err2 := strconv.ParseUint(sum, 16, 32)
	id.index = i
	return id, uint32(s), err1 == nil && err2 == nil && i >= 0
}

// store writes the block to its file. It is not synced: after a crash of the machine the sum in its name tells.
func (c *Cache) store(id blockID, data []byte) (*block, error) {
	b := &block{id: id, size: int64(len(data)), sum: crc32.Checksum(data, castagnoli), trusted: true}
	dir := c.folder(id)
	f, err := os.CreateTemp(c.dir, "new-*")
	if err != nil {
		return nil, err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(data)
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	// Eviction may remove the folder in between when it took the last block there.
	for try := 0; ; try++ {
		if err := os.MkdirAll(dir, 0o750); err != nil {
			return nil, err
		}
		err := os.Rename(f.Name(), c.file(b))
		if err == nil {
			return b, nil
		}
		if !errors.Is(err, fs.ErrNotExist) || try == 8 {
			return nil, err
		}
	}
}

// read fills p from offset off of the block, whose size must be want.
func (c *Cache) read(b *block, p []byte, off, want int64) error {
	f, err := os.Open(c.file(b))
	if err != nil {
		return err
	}
	defer f.Close()
	c.mu.Lock()
	trusted := b.trusted
	c.mu.Unlock()
	if b.size != want {
		return errCorrupt
	}
	if trusted {
		_, err := f.ReadAt(p, off)
		return err
	}
	whole := make([]byte, want)
	if _, err := f.ReadAt(whole, 0); err != nil {
		return err
	}
	if crc32.Checksum(whole, castagnoli) != b.sum {
		return errCorrupt
	}
	c.mu.Lock()
	b.trusted = true
	c.mu.Unlock()
	copy(p, whole[off:])
	return nil
}

// load finds the blocks of the process before, oldest first, and removes what is none.
func (c *Cache) load() error {
	var found []*block
	err := filepath.WalkDir(c.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path == filepath.Join(c.dir, "lock") {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		id, sum, ok := parseFile(filepath.Base(filepath.Dir(path)), d.Name())
		b := &block{id: id, sum: sum, size: info.Size(), used: info.ModTime(), touched: info.ModTime()}
		if !ok || c.file(b) != path || b.size == 0 || b.size > c.block || !d.Type().IsRegular() {
			return os.Remove(path)
		}
		found = append(found, b)
		return nil
	})
	if err != nil {
		return err
	}
	slices.SortFunc(found, func(a, b *block) int { return cmp.Compare(a.used.UnixNano(), b.used.UnixNano()) })
	for _, b := range found {
		c.keep(b)
	}
	return nil
}

package disk

import (
	"fmt"

	"golang.org/x/sys/unix"

	"sluice/storage"
)

var _ storage.Spacer = (*Store)(nil)

// Space tells the room of the volume that the store is on.
func (s *Store) Space() (storage.Space, error) { return SpaceAt(s.root) }

// SpaceAt tells the room of the volume that path is on.
func SpaceAt(path string) (storage.Space, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(path, &st); err != nil {
		return storage.Space{}, fmt.Errorf("room at %q: %w", path, err)
	}
	// Blocks are counted in fragments where the file system has any: statfs(2).
	block := st.Frsize
	if block <= 0 {
		block = st.Bsize
	}
	return storage.Space{Size: int64(st.Blocks) * block, Free: int64(st.Bavail) * block}, nil
}

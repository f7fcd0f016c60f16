package storage

import (
	"fmt"
)

// Space is the room of a volume, in bytes. Free is what is left for an ordinary user.
type Space struct{ Size, Free int64 }

// Spacer is what a Store can do besides when it lies on a volume of its own: it tells how much room there is.
type Spacer interface{ Space() (Space, error) }

// Bounds of a reserve that nobody set.
const (
	reserveShare = 20 // a twentieth of the volume
	maxReserve   = 20 << 30
)

// Reserve is the room, in bytes, that volumes keep for work under way: doors ask Admit before they accept more. 0 means a
// twentieth of the volume, at most 20 GiB.
type Reserve int64

// Of returns the bytes that are kept of a volume.
func (r Reserve) Of(s Space) int64 {
	if r > 0 {
		return int64(r)
	}
	return min(s.Size/reserveShare, maxReserve)
}

// Admit returns an ErrFull that names the volume when it would have less left than its reserve after taking in size more
// bytes.
func (r Reserve) Admit(volume string, s Space, size int64) error {
	keep := r.Of(s)
	if s.Free-size >= keep {
		return nil
	}
	if size > 0 {
		return fmt.Errorf("%w: %s has %s free, and with %s more would have less than the %s that it keeps in reserve",
			ErrFull, volume, inMiB(s.Free), inMiB(size), inMiB(keep))
	}
	return fmt.Errorf("%w: %s has %s free, less than the %s that it keeps in reserve", ErrFull, volume, inMiB(s.Free), inMiB(keep))
}

func inMiB(n int64) string { return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20)) }

package packager

import "sort"

// frag is the compact form of a Fragment.
type frag struct {
	first, file int32
	off         int64
}

// Fragment is one moof and mdat of a stored track file.
type Fragment struct {
	First, Count int // samples [First, First+Count)
	File         int
	Off, N       int64 // bytes of the whole fragment, from its moof to the end of its mdat
	Head         int64 // bytes of it before the first sample
}

// FragmentCount is the number of stored fragments; 0 when the samples do not lie in fragments that can be served as they
// are.
func (t *Track) FragmentCount() int { return len(t.frags) }

// Seamless reports whether the stored fragments follow each other in one file without a byte between them.
func (t *Track) Seamless() bool { return !t.torn }

// Fragment returns stored fragment k.
func (t *Track) Fragment(k int) Fragment {
	f, next := t.frags[k], t.fragEnd(k)
	first, last := t.Sample(int(f.first)), t.Sample(next-1)
	return Fragment{
		First: int(f.first), Count: next - int(f.first), File: int(f.file), Off: f.off,
		N: last.Offset + int64(last.Size) - f.off, Head: first.Offset - f.off,
	}
}

// fragEnd is one after the last sample of fragment k.
func (t *Track) fragEnd(k int) int {
	if k+1 < len(t.frags) {
		return int(t.frags[k+1].first)
	}
	return int(t.fragged)
}

// FragmentAt returns the fragment that starts with sample i, or -1 when none does; the sample after the last fragment gives
// FragmentCount.
func (t *Track) FragmentAt(i int) int {
	k := sort.Search(len(t.frags), func(k int) bool { return int(t.frags[k].first) >= i })
	switch {
	case k < len(t.frags) && int(t.frags[k].first) == i:
		return k
	case k == len(t.frags) && k > 0 && i == int(t.fragged):
		return k
	}
	return -1
}

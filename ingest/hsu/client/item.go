package client

import "sluice/ingest/hsu"

// item is a file of the upload.
type item struct {
	number uint32
	source
	growing bool // its size is not known yet: blocks below size are sent

	state    itemState
	declared bool // since the server's instance changed
	asked    bool // a declaration of it is under way
	counted  bool // in schedule.opened
	redone   int
	acked    bits
	leaves   []hsu.Leaf // of blocks that this process read; zero for others
	next     int64      // the first block that was never sent
	again    []int64    // blocks to send again
	ackedLen int64
}

type itemState int

const (
	waiting itemState = iota // to be declared
	open
	ended
)

// bits are blocks.
type bits []uint64

func (b *bits) set(i int64) bool {
	for int64(len(*b)) <= i/64 {
		*b = append(*b, 0)
	}
	was := (*b)[i/64]>>(i%64)&1 == 1
	(*b)[i/64] |= 1 << (i % 64)
	return !was
}

func (b bits) has(i int64) bool { return i/64 < int64(len(b)) && b[i/64]>>(i%64)&1 == 1 }

// block is a block to send.
type block struct {
	it      *item
	index   int64
	length  int
	session int // of the schedule's, for which it was taken
}

func (b block) offset() int64 { return b.index * hsu.BlockSize }

// block takes the file's next block; without one the file goes out of the order until something changes.
func (it *item) block() (block, bool) {
	if it.state != open {
		return block{}, false
	}
	for len(it.again) > 0 {
		i := it.again[0]
		if it.again = it.again[1:]; !it.acked.has(i) {
			return it.at(i), true
		}
	}
	blocks := hsu.Blocks(it.size)
	if it.growing {
		blocks = it.size / hsu.BlockSize
	}
	for ; it.next < blocks; it.next++ {
		if !it.acked.has(it.next) {
			it.next++
			return it.at(it.next - 1), true
		}
	}
	return block{}, false
}

func (it *item) at(i int64) block {
	return block{it: it, index: i, length: int(min(hsu.BlockSize, it.size-i*hsu.BlockSize))}
}

func (it *item) root() (hsu.Leaf, bool) {
	if int64(len(it.leaves)) != hsu.Blocks(it.size) {
		return hsu.Leaf{}, false
	}
	for _, l := range it.leaves {
		if l == (hsu.Leaf{}) {
			return hsu.Leaf{}, false
		}
	}
	return hsu.Root(it.size, it.leaves), true
}

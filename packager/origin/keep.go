package origin

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"sync/atomic"

	"sluice/packager"
)

// keeper keeps bodies that are made of samples, such as TS segments, in files without a name, once they were asked for again:
// from there they leave like stored ones. Who waits longest without being asked for goes first (a clock).
type keeper struct {
	dir     string
	limit   int64 // 0 keeps nothing
	metrics *metrics

	mu      sync.Mutex // guards what follows
	used    int64
	writing int
	ring    []*kept // the files, and those being written
	hand    int
}

// kept is the body of a plan in a file.
type kept struct {
	of    *plan
	plan  *plan // with the file for a body; nil until it is written
	file  *packager.LocalFile
	size  int64
	asked atomic.Bool // since the hand passed
}

const (
	keptShare  = 16   // a body larger than this part of the limit is not kept
	keptFiles  = 1024 // each is a descriptor and a mapping
	handSteps  = 8    // how many files the hand passes to make room for one
	keptWrites = 4    // at a time, each with a buffer; meanwhile others are made as ever
	keptBuffer = 1 << 20
)

// keeping is the state of a plan whose body may be kept.
type keeping struct {
	begun atomic.Bool // somebody writes it, has written it, or could not
	kept  atomic.Pointer[kept]
}

// held returns the plan that answers instead of p with a body in a file, and that file, which the caller must close; nil if
// there is none.
func (p *plan) held() (*plan, *packager.LocalFile) {
	k := p.keeping.kept.Load()
	if k == nil || !k.file.Retain() {
		return nil, nil
	}
	if !k.asked.Load() {
		k.asked.Store(true)
	}
	return k.plan, k.file
}

// takes reports whether the body of a plan that is asked for another time may be kept.
func (kr *keeper) takes(p *plan) bool {
	return p.body.Size() <= kr.limit/keptShare && !p.keeping.begun.Load()
}

// again keeps the body of a plan that it takes, if there is room.
func (kr *keeper) again(ctx context.Context, p *plan) {
	if !p.keeping.begun.CompareAndSwap(false, true) {
		return
	}
	k := &kept{of: p, size: p.body.Size()}
	if !kr.room(k) {
		p.keeping.begun.Store(false) // for another time
		return
	}
	done := false
	defer func() { kr.written(k, done) }() // also when a page of the source cannot be read, which panics
	if err := kr.write(ctx, k); err != nil {
		kr.metrics.unkept.Inc()
		return
	}
	done = true
	p.keeping.kept.Store(k)
}

// room takes k into the ring, in place of files that nobody asked for of late.
func (kr *keeper) room(k *kept) bool {
	kr.mu.Lock()
	defer kr.mu.Unlock()
	if kr.writing >= keptWrites {
		return false
	}
	fits := func() bool { return kr.used+k.size <= kr.limit && len(kr.ring) < keptFiles }
	for range handSteps {
		if fits() {
			break
		}
		if kr.hand >= len(kr.ring) {
			kr.hand = 0
		}
		switch old := kr.ring[kr.hand]; {
		case old.of.keeping.kept.Load() == nil, old.asked.Swap(false): // the former is being written
			kr.hand++
		default:
			kr.drop(kr.hand)
		}
	}
	if !fits() {
		return false
	}
	kr.writing++
	kr.ring = append(kr.ring, k)
	kr.add(k.size)
	return true
}

// drop takes a file out of the ring; the last place's takes its place. Responses that are sent from it keep it open.
func (kr *keeper) drop(i int) {
	k, last := kr.ring[i], len(kr.ring)-1
	kr.ring[i], kr.ring[last] = kr.ring[last], nil
	kr.ring = kr.ring[:last]
	kr.add(-k.size)
	if k.of.keeping.kept.CompareAndSwap(k, nil) {
		k.of.keeping.begun.Store(false)
		_ = k.file.Close() // it was only read
	}
}

// written ends the writing of k, which leaves the ring if that failed.
func (kr *keeper) written(k *kept, ok bool) {
	kr.mu.Lock()
	defer kr.mu.Unlock()
	kr.writing--
	if i := slices.Index(kr.ring, k); i >= 0 && !ok {
		kr.drop(i)
	}
}

func (kr *keeper) add(n int64) {
	kr.used += n
	kr.metrics.kept.Set(float64(kr.used))
}

// write makes k's file and plan.
func (kr *keeper) write(ctx context.Context, k *kept) error {
	f, err := os.CreateTemp(kr.dir, "segment-")
	if err != nil {
		return err
	}
	defer f.Close()
	if err := os.Remove(f.Name()); err != nil { // at once: nothing is left of it when the process is killed
		return err
	}
	// Whole buffers, one after the other: the page cache then takes large pieces.
	w := bufio.NewWriterSize(f, keptBuffer)
	if err := k.of.body.WriteRange(ctx, w, 0, k.size); err != nil {
		return err
	}
	if err := w.Flush(); err != nil {
		return err
	}
	file, err := packager.OpenFile(fmt.Sprintf("/proc/self/fd/%d", f.Fd()))
	if err != nil {
		return err
	}
	if int64(len(file.Bytes())) != k.size {
		return errors.Join(errors.New("not mapped"), file.Close())
	}
	of := k.of
	k.file = file
	k.plan = &plan{ctype: of.ctype, etag: of.etag, cache: of.cache, length: of.length, asked: of.asked, body: whole(file), pieces: 1, mapped: true}
	return nil
}

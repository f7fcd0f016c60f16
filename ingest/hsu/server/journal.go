package server

import (
	"context"
	"errors"
	"maps"
	"sync"
	"time"

	"sluice/catalog"
	"sluice/ingest/hsu"
	"sluice/internal/fault"
	"sluice/storage"
)

const (
	// flushBytes and flushAfter are what is written before the journal records it: so much comes again after a kill.
	flushBytes = 16 << 20
	flushAfter = 250 * time.Millisecond
	// mostPending bounds what is written and not recorded: streams wait when a disk takes long to sync.
	mostPending = 2 * flushBytes
	// retryAfter is how long a journal that could not be written waits.
	retryAfter = time.Second
	// enders is how many hand files over side by side, endAtOnce how many files each at a time.
	enders    = 4
	endAtOnce = 64
)

// journal syncs and records what streams wrote, and acknowledges it. One goroutine does, from newJournal to close.
type journal struct {
	x    *session
	wake chan struct{} // has room for one: a flush is due
	stop chan struct{}
	done chan struct{}

	mu      sync.Mutex // guards what follows; taken after the session's
	bytes   int64      // written since the last flush
	pending int64      // written and not recorded
	room    sync.Cond  // pending is less, or the journal ended
	closed  bool
	written map[*file]catalog.Extents
	changed map[*file]bool // whose rows changed otherwise
	waiting []waiting
	ready   []*file // complete, to be handed over
	ending  int     // goroutines that do
	ended   sync.WaitGroup
}

// waiting is a block whose stream waits for the journal.
type waiting struct {
	to  *acks
	ack hsu.Ack
}

func newJournal(x *session) *journal {
	j := &journal{
		x: x, wake: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{}),
		written: map[*file]catalog.Extents{}, changed: map[*file]bool{},
	}
	j.room.L = &j.mu
	go j.run()
	return j
}

// close flushes a last time and ends the goroutine.
func (j *journal) close() {
	j.mu.Lock()
	j.closed = true
	j.mu.Unlock()
	j.room.Broadcast()
	close(j.stop)
	<-j.done
}

// wrote books a block that was written, and waits when too much is.
func (j *journal) wrote(f *file, to *acks, a hsu.Ack) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.written[f] = j.written[f].Add(a.Offset, a.Offset+int64(a.Length))
	j.waiting = append(j.waiting, waiting{to, a})
	j.bytes += int64(a.Length)
	j.pending += int64(a.Length)
	if j.bytes >= flushBytes {
		j.kick()
	}
	for j.pending > mostPending && !j.closed {
		j.room.Wait()
	}
}

// note books a file whose row changed.
func (j *journal) note(f *file) {
	j.mu.Lock()
	j.changed[f] = true
	j.mu.Unlock()
	j.kick()
}

// complete books a file that is complete and not handed over. The caller holds the session's mutex.
func (j *journal) complete(f *file) {
	if f.ending {
		return
	}
	f.ending = true
	j.mu.Lock()
	j.ready = append(j.ready, f)
	j.mu.Unlock()
	j.kick()
}

func (j *journal) kick() {
	select {
	case j.wake <- struct{}{}:
	default:
	}
}

func (j *journal) run() {
	defer close(j.done)
	tick := time.NewTicker(flushAfter)
	defer tick.Stop()
	for {
		select {
		case <-j.stop:
			_ = j.flush() // who waits for it is gone; what is not recorded comes again
			j.ended.Wait()
			_ = j.flush()
			return
		case <-j.wake:
		case <-tick.C:
		}
		if err := j.flush(); err != nil {
			j.x.server.cfg.Log.Error("high-speed upload: what came in could not be recorded; it will come again",
				"transfer", j.x.transfer.ID, "error", err)
			select {
			case <-j.stop:
			case <-time.After(retryAfter):
			}
		}
		j.handOver()
	}
}

// flush records what was written since the last one.
func (j *journal) flush() error {
	j.mu.Lock()
	written, changed, acked, bytes := j.written, j.changed, j.waiting, j.bytes
	j.written, j.changed, j.waiting, j.bytes = map[*file]catalog.Extents{}, map[*file]bool{}, nil, 0
	j.mu.Unlock()
	if len(written)+len(changed) == 0 {
		return nil
	}
	start := time.Now()
	fault.Point("hsu.written")
	err := j.x.to.sync(j.x.rows(written))
	if err == nil {
		fault.Point("hsu.synced")
		err = j.record(written, changed)
	}
	fault.Point("hsu.recorded")
	flushSeconds.Observe(time.Since(start).Seconds())
	j.mu.Lock()
	j.pending -= bytes
	j.mu.Unlock()
	j.room.Broadcast()
	if err != nil {
		j.refuse(changed, acked, err)
		return err
	}
	for _, w := range acked {
		w.to.send(w.ack)
	}
	j.settle(written, changed)
	return nil
}

// record writes the rows. Extents count in memory only when they are in the catalog.
func (j *journal) record(written map[*file]catalog.Extents, changed map[*file]bool) error {
	x := j.x
	tokens := map[catalog.UploadTokenID]catalog.Extents{}
	var rows []catalog.TransferFile
	x.mu.Lock()
	for f := range union(written, changed) {
		row := f.row
		switch {
		case x.files[f.number] != f: // it began anew meanwhile
			continue
		case row.Token != "":
			row.Extents = nil
			if more := written[f]; len(more) > 0 {
				tokens[row.Token] = more
			}
			if !changed[f] {
				continue
			}
		default:
			for _, e := range written[f] {
				row.Extents = row.Extents.Add(e.From, e.To)
			}
		}
		rows = append(rows, row)
	}
	x.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	return x.server.cfg.Catalog.SaveTransferFiles(ctx, x.transfer, rows, tokens)
}

// refuse tells streams to send again what could not be recorded.
func (j *journal) refuse(changed map[*file]bool, acked []waiting, err error) {
	code := hsu.Busy
	if errors.Is(err, storage.ErrFull) {
		code = hsu.Full
		j.x.pressure.fullAt.Store(time.Now().UnixNano())
	}
	for _, w := range acked {
		w.ack.Code = code
		w.to.send(w.ack)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	for f := range changed {
		j.changed[f] = true
	}
}

// settle counts what was recorded, and finds the files that are complete.
func (j *journal) settle(written map[*file]catalog.Extents, changed map[*file]bool) {
	x := j.x
	var news []hsu.Have
	x.mu.Lock()
	for f, more := range written {
		for _, e := range more {
			f.row.Extents = f.row.Extents.Add(e.From, e.To)
		}
	}
	for f := range union(written, changed) {
		switch {
		case x.files[f.number] != f:
		case f.complete():
			j.complete(f)
		case f.row.Status != catalog.FileOpen:
			news = append(news, f.have())
		}
	}
	x.mu.Unlock()
	if len(news) > 0 {
		x.tell(news...)
	}
}

// handOver ends the files that are complete, some at a time, beside the journal: their rows are recorded with a later flush.
func (j *journal) handOver() {
	j.mu.Lock()
	defer j.mu.Unlock()
	for most := min(enders, (len(j.ready)+endAtOnce-1)/endAtOnce); j.ending < most; j.ending++ {
		j.ended.Go(func() {
			for files := j.next(); len(files) > 0; files = j.next() {
				j.x.handOver(files)
			}
		})
	}
}

// next is files to hand over: no more than is fair to the other enders. Without any, its ender ends.
func (j *journal) next() []*file {
	j.mu.Lock()
	defer j.mu.Unlock()
	n := min(len(j.ready), max(len(j.ready)/enders, 1), endAtOnce)
	if n == 0 {
		j.ending--
	}
	out := j.ready[:n:n]
	j.ready = j.ready[n:]
	return out
}

func (x *session) rows(m map[*file]catalog.Extents) []catalog.TransferFile {
	x.mu.Lock()
	defer x.mu.Unlock()
	out := make([]catalog.TransferFile, 0, len(m))
	for f := range m {
		if x.files[f.number] == f {
			out = append(out, f.row)
		}
	}
	return out
}

// union is the files of both.
func union(written map[*file]catalog.Extents, changed map[*file]bool) map[*file]bool {
	out := maps.Clone(changed)
	for f := range written {
		out[f] = true
	}
	return out
}

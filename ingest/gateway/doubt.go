package gateway

import (
	"io"
	"os"
	"time"
)

// doubt is an upload by FTP whose stream ended, in which nothing tells the file's end from a cut: the protocol has no other sign
// of an end than the end of the connection.
type doubt struct {
	d     *desk
	rel   string
	begun time.Time
	bytes int64
	timer *time.Timer
}

// decided ends the counting of a doubt.
func (g *Gateway) decided(t *doubt) {
	defer g.work.Done()
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.doubts, t)
}

// resolve decides about an upload in doubt. Alive says that its client went on with something else, or took its leave: it was not
// cut off with its stream. Then only what the file itself tells is against it; else the file must show that it is whole.
func (t *doubt) resolve(alive bool) {
	p := t.d.hold(t.rel)
	defer t.d.release(p)
	p.io.Lock()
	defer p.io.Unlock()
	if p.load() != nil {
		return
	}
	if p.open > 0 || p.rec.State != closed || !p.rec.Begun.Equal(t.begun) || p.rec.Extents.Total() != t.bytes {
		if p.open == 0 {
			_ = p.forget()
		}
		return // the client went on with it
	}
	g, size := t.d.g, p.rec.Extents.End()
	why := ""
	if g.cfg.Incomplete != nil {
		why = g.cfg.Incomplete(p.file, size)
	}
	if why == "" && !alive && !provable(p.file, size) {
		why = "its client was cut off, and nothing in the file tells that it is whole"
	}
	if why == "" {
		if err := p.deliver(); err != nil {
			g.cfg.Log.Warn("gateway: upload not completed", "folder", t.d.folder.ID, "path", t.rel, "error", err)
		}
		return
	}
	p.rec.State = resting
	err := p.rest()
	transfers.WithLabelValues("ftp", "paused").Inc()
	g.cfg.Log.Info("gateway: upload rests", "folder", t.d.folder.ID, "path", t.rel, "bytes", size, "reason", why, "error", err)
}

// provable says whether files of this kind tell by themselves that they are whole: Incomplete then proves it.
func provable(f io.ReaderAt, size int64) bool {
	head := make([]byte, 16)
	if n, _ := f.ReadAt(head, 0); n < 12 || size < 32 {
		return false
	}
	switch string(head[4:8]) {
	case "ftyp", "moov", "mdat", "free", "wide", "skip":
		return true
	}
	mxf := string(head[:4]) == "\x06\x0e\x2b\x34"
	return mxf || string(head[:4]) == "RIFF"
}

// recoverRecord sees to what an earlier process left of a transfer.
func (d *desk) recoverRecord(name string, r record) {
	log := d.g.cfg.Log.With("folder", d.folder.ID, "path", r.Path)
	switch r.State {
	case whole:
		p := d.hold(r.Path)
		defer d.release(p)
		p.io.Lock()
		defer p.io.Unlock()
		_, err := d.root.Lstat(name + dataEnd)
		if os.IsNotExist(err) { // it was renamed, only its record stayed
			err = absent(d.root.Remove(name + recordEnd))
		} else if err = p.load(); err == nil {
			err = p.deliver()
		}
		if err != nil {
			log.Warn("gateway: upload not completed after a restart", "error", err)
		}
	case closed:
		(&doubt{d: d, rel: r.Path, begun: r.Begun, bytes: r.Extents.Total()}).resolve(false)
	}
}

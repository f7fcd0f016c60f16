package gateway

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"sync"
	"time"
)

// info describes a file that is not whole, or a folder of a home.
type info struct {
	name string
	size int64
	mode fs.FileMode
	time time.Time
}

func (i info) Name() string       { return i.name }
func (i info) Size() int64        { return i.size }
func (i info) Mode() fs.FileMode  { return i.mode }
func (i info) ModTime() time.Time { return i.time }
func (i info) IsDir() bool        { return i.mode.IsDir() }
func (i info) Sys() any           { return nil }

// named is an info under another name.
type named struct {
	fs.FileInfo
	name string
}

func (n named) Name() string { return n.name }
func (n named) Sys() any     { return nil } // owner and links are of no concern

func (p *part) info() fs.FileInfo {
	return info{name: path.Base(p.rel), size: p.size.Load(), mode: 0o640, time: time.Unix(0, p.changed.Load())}
}

// restInfo describes a file that rests: no more of it than a crash left. It is false when there is none.
func (d *desk) restInfo(name string, r record) (fs.FileInfo, bool) {
	data, err := d.root.Lstat(name + dataEnd)
	if err != nil {
		return nil, false
	}
	return info{name: path.Base(r.Path), size: min(r.Extents.Contiguous(), data.Size()), mode: 0o640, time: r.Changed}, true
}

// listing reads a folder bit by bit.
type listing struct {
	d   *desk
	rel string

	mu      sync.Mutex
	dir     *os.File
	pending []fs.FileInfo       // of what is not whole, not given yet
	shown   map[string]struct{} // names among them
}

// list begins a listing; it must be closed.
func (d *desk) list(rel string) (*listing, error) {
	if rel != "." {
		info, err := d.lstat(rel)
		if err != nil || isOwn(rel) {
			return nil, errors.Join(err, onlyIf(isOwn(rel), fs.ErrNotExist))
		}
		if !info.IsDir() {
			return nil, fs.ErrInvalid
		}
	}
	l := &listing{d: d, rel: rel, shown: map[string]struct{}{}}
	add := func(i fs.FileInfo) {
		if _, ok := l.shown[i.Name()]; !ok {
			l.shown[i.Name()] = struct{}{}
			l.pending = append(l.pending, i)
		}
	}
	d.mu.Lock()
	for at, p := range d.parts {
		if path.Dir(at) == rel && p.shown.Load() {
			add(p.info())
		}
	}
	d.mu.Unlock()
	err := records(d.root, partPrefix(rel), func(name string, r record) error {
		if i, ok := d.restInfo(name, r); ok && path.Dir(r.Path) == rel {
			add(i)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	l.dir, err = d.root.Open(rel)
	return l, err
}

// next returns up to n more; none and io.EOF at the end.
func (l *listing) next(n int) ([]fs.FileInfo, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []fs.FileInfo
	for len(out) < n {
		if len(l.pending) > 0 {
			out = append(out, l.pending[0])
			l.pending = l.pending[1:]
			continue
		}
		entries, err := l.dir.ReadDir(n - len(out))
		for _, e := range entries {
			if _, dup := l.shown[e.Name()]; dup || strings.HasPrefix(e.Name(), ownPrefix) || !e.IsDir() && !e.Type().IsRegular() {
				continue
			}
			if i, err := e.Info(); err == nil { // it may be gone by now
				out = append(out, named{i, i.Name()})
			}
		}
		if err != nil {
			if errors.Is(err, io.EOF) && len(out) > 0 {
				err = nil
			}
			return out, err
		}
	}
	return out, nil
}

func (l *listing) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.dir.Close()
}

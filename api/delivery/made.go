package delivery

import (
	"container/list"
	"sync"
)

// maxMade bounds the bytes of thumbnails that are remembered.
const maxMade = 32 << 20

// made remembers thumbnails by their tag; those used longest ago go first.
type made struct {
	mu     sync.Mutex // guards what follows
	all    map[string]*list.Element
	recent list.List // of madePicture
	bytes  int
}

type madePicture struct {
	tag  string
	body []byte
}

func (m *made) get(tag string) []byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	el, ok := m.all[tag]
	if !ok {
		return nil
	}
	m.recent.MoveToFront(el)
	return el.Value.(madePicture).body
}

func (m *made) put(tag string, body []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, dup := m.all[tag]; dup || len(body) > maxMade/8 {
		return
	}
	if m.all == nil {
		m.all = map[string]*list.Element{}
	}
	m.all[tag] = m.recent.PushFront(madePicture{tag, body})
	m.bytes += len(body)
	for m.bytes > maxMade {
		old := m.recent.Remove(m.recent.Back()).(madePicture)
		delete(m.all, old.tag)
		m.bytes -= len(old.body)
	}
}

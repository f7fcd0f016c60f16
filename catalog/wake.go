package catalog

import "sync"

// wakes tells listeners of this process that a transaction made tasks runnable.
type wakes struct {
	mu        sync.Mutex
	listeners map[chan struct{}]struct{}
}

// Wakes returns a channel that receives after a transaction of this process made tasks runnable, and a function that
// ends it. The channel holds one signal; further ones are dropped until it is read, as one says all there is to say.
func (db *DB) Wakes() (<-chan struct{}, func()) {
	w := &db.wakes
	ch := make(chan struct{}, 1)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.listeners == nil {
		w.listeners = map[chan struct{}]struct{}{}
	}
	w.listeners[ch] = struct{}{}
	return ch, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.listeners, ch)
	}
}

func (w *wakes) signal() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for ch := range w.listeners {
		select {
		case ch <- struct{}{}:
		default:
		}
	}
}

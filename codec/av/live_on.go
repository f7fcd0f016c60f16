//go:build cgo && avdebug

package av

import "sync"

var (
	liveMu     sync.Mutex
	liveCounts = map[string]int{}
)

// live adds n to the count of native objects of a kind.
func live(kind string, n int) {
	liveMu.Lock()
	defer liveMu.Unlock()
	liveCounts[kind] += n
}

// liveObjects returns the kinds whose count is not zero.
func liveObjects() map[string]int {
	liveMu.Lock()
	defer liveMu.Unlock()
	out := map[string]int{}
	for k, n := range liveCounts {
		if n != 0 {
			out[k] = n
		}
	}
	return out
}

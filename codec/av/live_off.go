//go:build cgo && !avdebug

package av

// live counts native objects in builds tagged avdebug; here it does nothing.
func live(string, int) {}

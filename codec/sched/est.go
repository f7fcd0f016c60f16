package sched

const (
	// Measured with a 1080p ladder of four rungs: decoder, scalers and x264 with one thread each.
	laneVeryfast = 450 << 20
	laneMedium   = 750 << 20
	lanePixels   = 1920 * 1080
	// A small picture still needs the libraries, the pipe and the packet queue.
	laneLeast = 56 << 20
)

// cheapPresets are the x264 presets whose lookahead is no longer than veryfast's.
var cheapPresets = map[string]bool{"ultrafast": true, "superfast": true, "veryfast": true, "": true}

// LaneMemory estimates what one lane takes, bytes: everything between a packet of the source and the coded frames of a ladder
// whose largest picture, source included, is w×h. An unknown preset counts as a slow one.
func LaneMemory(w, h int, preset string) int64 {
	base := int64(laneMedium)
	if cheapPresets[preset] {
		base = laneVeryfast
	}
	// Bounded, so that a damaged size neither overflows nor reserves the machine many times over.
	px := min(max(int64(w), 0), 1<<15) * min(max(int64(h), 0), 1<<15)
	return max(laneLeast, base*px/lanePixels)
}

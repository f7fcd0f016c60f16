package ts

// SilentAAC returns a raw data block of AAC (ISO/IEC 14496-3 §4.4.2.1) whose channels hold no spectral data, for channel
// configurations 1 to 7; nil for others. It is the same for every sampling rate.
func SilentAAC(channelConfig int) []byte {
	const (
		single, pair, lfe = 0, 1, 3
		end               = 7
	)
	elements := [...][]uint32{
		1: {single}, 2: {pair}, 3: {single, pair}, 4: {single, pair, single}, 5: {single, pair, pair},
		6: {single, pair, pair, lfe}, 7: {single, pair, pair, pair, lfe},
	}
	if channelConfig < 1 || channelConfig >= len(elements) {
		return nil
	}
	w := bitWriter{}
	channel := func() {
		w.put(0, 8)     // global_gain
		w.put(0, 1+2+1) // reserved, long window, sine shape
		w.put(0, 6)     // max_sfb: no sections follow
		w.put(0, 1)     // no prediction
		w.put(0, 3)     // no pulses, TNS or gain control
	}
	tags := map[uint32]uint32{}
	for _, e := range elements[channelConfig] {
		w.put(e, 3)
		w.put(tags[e], 4)
		tags[e]++
		if e == pair {
			w.put(0, 1) // no common window
			channel()
		}
		channel()
	}
	w.put(end, 3)
	return w.b
}

package packager

// Bandwidth is what a rendition needs, in bits per second.
type Bandwidth struct {
	// Peak is the largest rate of any run of segments that lasts between half and one and a half times the target duration
	// (RFC 8216 §4.3.4.2).
	Peak int64
	// Average is the rate over the whole presentation.
	Average int64
}

// Add returns the bandwidth of two renditions played together, at most.
func (b Bandwidth) Add(c Bandwidth) Bandwidth {
	return Bandwidth{b.Peak + c.Peak, b.Average + c.Average}
}

// Measure computes the bandwidth of segs, whose times are in ticks of timescale. size gives the bytes of segment k as it is
// sent; target is the target duration in ticks.
func Measure(segs []Segment, timescale uint32, target int64, size func(k int) (int64, error)) (Bandwidth, error) {
	var b Bandwidth
	var dur, bytes, peak int64
	sizes := make([]int64, len(segs))
	for k, s := range segs {
		if s.Count == 0 {
			continue
		}
		n, err := size(k)
		if err != nil {
			return b, err
		}
		sizes[k] = n
		bytes += n
		dur += s.Dur
	}
	for i := range segs {
		var d, n int64
		for k := i; k < len(segs); k++ {
			d += segs[k].Dur
			n += sizes[k]
			if 2*d > 3*target && k > i {
				break
			}
			if 2*d >= target {
				peak = max(peak, rate(n, d, timescale))
			}
		}
	}
	b.Average = rate(bytes, dur, timescale)
	b.Peak = max(peak, b.Average)
	return b, nil
}

// rate is bytes over ticks in bits per second, rounded up.
func rate(bytes, ticks int64, timescale uint32) int64 {
	if ticks <= 0 {
		return 0
	}
	return (bytes*8*int64(timescale) + ticks - 1) / ticks
}

package plan

import (
	"math"

	"sluice/codec"
)

// standardRates are the frame rates that outputs use, ascending.
var standardRates = []codec.Rational{
	{Num: 24000, Den: 1001}, {Num: 24, Den: 1}, {Num: 25, Den: 1}, {Num: 30000, Den: 1001}, {Num: 30, Den: 1},
	{Num: 48, Den: 1}, {Num: 50, Den: 1}, {Num: 60000, Den: 1001}, {Num: 60, Den: 1},
}

const (
	// cfrShare is the share of regular frame gaps from which a source counts as constant rate.
	cfrShare = 0.95
	// snapTolerance is how far, relatively, a measured rate may lie from the standard rate it stands for.
	snapTolerance = 0.01
	// slowestKept is the lowest constant rate that is kept as it is: below it a GOP of whole frames strays too far from 2 s.
	slowestKept = 10
	// fastestKept is the highest constant rate off the list that is kept: above it the next standard rate costs little.
	fastestKept = 20
)

var fallbackRate = codec.Rational{Num: 25, Den: 1}

// isCFR says whether the source has a constant frame rate. The packet scan decides; without it the container's word does.
func isCFR(s *codec.Stream) bool {
	if st := s.Video.VFRStats; st != nil && s.Frames > 2 {
		return st.Regular >= cfrShare
	}
	return !s.Video.VFR
}

// outputRate returns the constant frame rate of the outputs.
func outputRate(s *codec.Stream) codec.Rational {
	if isCFR(s) {
		return constantRate(s)
	}
	return cappedRate(variableRate(s))
}

// constantRate snaps the source's rate to a standard one; slow ones off the list stay as they are.
func constantRate(s *codec.Stream) codec.Rational {
	r := measuredRate(s)
	for r.Float() > 60*(1+snapTolerance) {
		r = codec.Rational{Num: r.Num, Den: r.Den * 2}
	}
	if std, ok := nearestStandard(r.Float()); ok {
		return std
	}
	if r.Float() > fastestKept*(1+snapTolerance) {
		return cappedRate(r.Float())
	}
	r = reduced(r)
	if r.Num > 1_000_000 || r.Den > 100_000 { // an average with noise in its digits: no one meant 51600/1841
		r = reduced(codec.Rational{Num: int64(math.Round(r.Float() * 1000)), Den: 1000})
	}
	if f := r.Float(); f < slowestKept {
		r = reduced(codec.Rational{Num: r.Num * int64(math.Ceil(slowestKept/f)), Den: r.Den})
	}
	return r
}

// measuredRate is the source's constant rate: the nominal rate where it agrees with the measurement, else the average.
func measuredRate(s *codec.Stream) codec.Rational {
	v := s.Video
	avg := v.FPSAvg
	if s.Frames > 2 && s.DurationUS > 0 {
		avg = codec.Rational{Num: s.Frames * second, Den: s.DurationUS}
	}
	switch {
	case plausible(v.FPSReal) && (!plausible(avg) || near(v.FPSReal.Float(), avg.Float(), 0.02)):
		return v.FPSReal
	case plausible(v.FPSAvg) && plausible(avg) && near(v.FPSAvg.Float(), avg.Float(), 0.02):
		return v.FPSAvg
	case plausible(avg) && s.Frames > 2:
		return avg
	case plausible(v.FPSAvg):
		return v.FPSAvg
	}
	return fallbackRate
}

// variableRate is the 90th percentile of the instantaneous rate, frames a second.
func variableRate(s *codec.Stream) float64 {
	if st := s.Video.VFRStats; st != nil && st.P10US > 0 {
		return float64(second) / float64(st.P10US)
	}
	return measuredRate(s).Float()
}

// cappedRate is the smallest standard rate that is not slower than fps, at most 60. One hundredth of slack keeps 30.2
// measured frames a second from becoming 48; of two rates a thousandth apart (30000/1001 and 30) the nearer is taken.
func cappedRate(fps float64) codec.Rational {
	for i, r := range standardRates {
		if r.Float() < fps*(1-snapTolerance) {
			continue
		}
		if i+1 < len(standardRates) {
			if next := standardRates[i+1]; near(r.Float(), next.Float(), 0.002) && math.Abs(next.Float()-fps) < math.Abs(r.Float()-fps) {
				return next
			}
		}
		return r
	}
	return standardRates[len(standardRates)-1]
}

func nearestStandard(fps float64) (codec.Rational, bool) {
	best := standardRates[0]
	for _, r := range standardRates[1:] {
		if math.Abs(r.Float()-fps) < math.Abs(best.Float()-fps) {
			best = r
		}
	}
	return best, near(best.Float(), fps, snapTolerance)
}

func near(a, b, tolerance float64) bool { return math.Abs(a-b) <= tolerance*math.Max(a, b) }

func plausible(r codec.Rational) bool {
	return !r.IsZero() && r.Float() > 0.01 && r.Float() <= 1000
}

func reduced(r codec.Rational) codec.Rational {
	a, b := r.Num, r.Den
	for b != 0 {
		a, b = b, a%b
	}
	if a == 0 {
		return r
	}
	return codec.Rational{Num: r.Num / a, Den: r.Den / a}
}

// clock returns the timescale and the ticks of one frame: exact for every rate, and fine enough (≥ 10000 ticks a second) for
// the times of copied frames to be comparable.
func clock(fps codec.Rational) (timescale, frameDur int64) {
	timescale, frameDur = fps.Num, fps.Den
	for timescale < 10_000 {
		timescale, frameDur = timescale*10, frameDur*10
	}
	return timescale, frameDur
}

// slotOf is the output frame that shows at us microseconds after the origin: the nearest one.
func slotOf(us int64, fps codec.Rational) int64 {
	us = min(max(us, -farUS), farUS)
	return divRound(us*fps.Num, second*fps.Den)
}

// farUS (eleven days) bounds times so that no damaged clock overflows the arithmetic on frames.
const farUS = int64(1_000_000_000_000)

// divRound divides, rounding half away from zero for positive and half up for negative numerators. b > 0.
func divRound(a, b int64) int64 {
	q, r := a/b, a%b
	if r < 0 {
		q, r = q-1, r+b
	}
	if 2*r >= b {
		q++
	}
	return q
}

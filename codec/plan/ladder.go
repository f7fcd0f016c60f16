package plan

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"sluice/codec"
)

// size is a picture in pixels.
type size struct{ w, h int }

func (s size) short() int { return min(s.w, s.h) }

const (
	// sameStep is how far, relatively, a source may be from a ladder height and still be that step at its own size.
	sameStep = 0.08
	// stepApart is how many times taller a rung of the source's own size must be than the next: closer rungs show the same.
	stepApart = 1.25
)

// uprightSize is the picture as it is shown: odd lines cropped, square pixels, rotated.
func uprightSize(v *codec.VideoInfo) size {
	s := size{evenDown(v.Width), evenDown(v.Height)}
	if n, d := v.SAR.Num, v.SAR.Den; n > 0 && d > 0 && n != d {
		// A ratio beyond 10 is a damaged header, not an anamorphic picture.
		if r := float64(n) / float64(d); r >= 0.1 && r <= 10 {
			s.w = evenRound(float64(s.w) * r)
		}
	}
	if v.Rotation == 90 || v.Rotation == 270 {
		s.w, s.h = s.h, s.w
	}
	return s
}

func evenDown(n int) int          { return max(2, n&^1) }
func evenRound(f float64) int     { return max(2, int(math.Round(f/2))*2) }
func ladderName(short int) string { return fmt.Sprintf("%dp", short) }

// step is one rung before its encoder is decided.
type step struct {
	size
	spec codec.RungSpec
}

// ladder fits the wished rungs to the source, tallest first. It never scales up. The source's own size is a rung when it is
// within 8 % of a wished height, when it lies between two of them (so that a 480-line source is not cut to 360; it then takes
// the place of a rung that is nearly as tall), or when it is below all.
func ladder(src size, specs []codec.RungSpec) []step {
	specs = slices.Clone(specs)
	slices.SortStableFunc(specs, func(a, b codec.RungSpec) int { return cmp.Compare(b.Height, a.Height) })
	short := src.short()

	top := matchingHeight(short, specs)
	var steps []step
	var above *codec.RungSpec // the lowest wished rung that is taller than the source
	for i := range specs {
		switch sp := &specs[i]; {
		case sp.Height == top:
			steps = append(steps, step{src, *sp})
		case sp.Height > short:
			above = sp
		case top == 0 || sp.Height < top:
			steps = append(steps, step{scaled(src, sp.Height), *sp})
		}
	}
	if top != 0 || above == nil {
		return steps
	}
	own := step{src, between(short, above, steps)}
	for len(steps) > 0 && float64(short) < stepApart*float64(steps[0].spec.Height) {
		steps = steps[1:]
	}
	return append([]step{own}, steps...)
}

// matchingHeight returns the wished height nearest to the source's short side if it is the same step, else 0.
func matchingHeight(short int, specs []codec.RungSpec) int {
	best, bestDist := 0, sameStep
	for _, sp := range specs {
		if d := math.Abs(float64(short-sp.Height)) / float64(sp.Height); d <= bestDist {
			best, bestDist = sp.Height, d
		}
	}
	return best
}

// between makes the rung of the source's own size: the settings of the step above, the rate interpolated by height.
func between(short int, above *codec.RungSpec, below []step) codec.RungSpec {
	sp := *above
	lowH, lowRate := 0.0, 0.0
	if len(below) > 0 {
		lowH, lowRate = float64(below[0].spec.Height), float64(below[0].spec.MaxRate)
	}
	f := (float64(short) - lowH) / (float64(above.Height) - lowH)
	rate := lowRate + (float64(above.MaxRate)-lowRate)*f
	sp.MaxRate = max(100_000, int64(math.Round(rate/10_000))*10_000)
	sp.Height = short
	sp.Name = ladderName(short)
	for _, s := range below { // a request may call its own rung that
		if s.spec.Name == sp.Name {
			sp.Name += "-source"
			break
		}
	}
	return sp
}

// scaled is src made smaller so that its short side is short.
func scaled(src size, short int) size {
	short = evenDown(short)
	if src.w >= src.h {
		return size{evenRound(float64(src.w) * float64(short) / float64(src.h)), short}
	}
	return size{short, evenRound(float64(src.h) * float64(short) / float64(src.w))}
}

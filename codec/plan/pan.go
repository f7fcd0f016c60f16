package plan

import (
	"fmt"
	"math"
	"strings"

	"sluice/codec"
)

// layouts names the channels of libav's channel layouts, in order.
var layouts = map[string]string{
	"mono": "FC", "stereo": "FL FR", "2.1": "FL FR LFE", "3.0": "FL FR FC", "3.0(back)": "FL FR BC", "3.1": "FL FR FC LFE",
	"4.0": "FL FR FC BC", "4.1": "FL FR FC LFE BC", "quad": "FL FR BL BR", "quad(side)": "FL FR SL SR",
	"5.0": "FL FR FC BL BR", "5.0(side)": "FL FR FC SL SR", "5.1": "FL FR FC LFE BL BR", "5.1(side)": "FL FR FC LFE SL SR",
	"6.0": "FL FR FC BC SL SR", "6.1": "FL FR FC LFE BC SL SR", "7.0": "FL FR FC BL BR SL SR",
	"7.1": "FL FR FC LFE BL BR SL SR", "7.1(wide)": "FL FR FC LFE BL BR FLC FRC", "7.1(wide-side)": "FL FR FC LFE FLC FRC SL SR",
}

// layoutByCount is what an unnamed layout of n channels is taken for; its channels are then addressed by number.
var layoutByCount = map[int]string{3: "3.0", 4: "quad", 5: "5.0", 6: "5.1", 7: "6.1", 8: "7.1"}

const halfPower = math.Sqrt2 / 2 // −3 dB

// side says how much of a channel goes to the left output and how much to the right.
var side = map[string][2]float64{
	"FL": {1, 0}, "FR": {0, 1}, "FC": {halfPower, halfPower},
	"BL": {halfPower, 0}, "BR": {0, halfPower}, "SL": {halfPower, 0}, "SR": {0, halfPower},
	"FLC": {1, 0}, "FRC": {0, 1}, "BC": {0.5, 0.5}, "LFE": {0, 0},
}

// downmix returns the coefficients that fold a source to fewer channels, in the syntax of libavfilter's pan: the centre and
// the surrounds at −3 dB, no LFE, normalised so that nothing clips (ITU-R BS.775). It is "" when nothing is folded, or when
// the layout is not known well enough to do better than the resampler.
func downmix(a *codec.AudioInfo, channels int) string {
	if a.Channels <= channels || channels > 2 {
		return ""
	}
	list, named := layouts[a.Layout]
	if !named {
		list = layouts[layoutByCount[a.Channels]]
	}
	names := strings.Fields(list)
	if len(names) != a.Channels {
		return ""
	}
	refs := names
	if !named {
		refs = make([]string, len(names))
		for i := range refs {
			refs[i] = fmt.Sprintf("c%d", i)
		}
	}
	if channels == 1 {
		return "mono|FC=" + mix(names, refs, func(s [2]float64) float64 { return s[0] + s[1] })
	}
	return "stereo|FL=" + mix(names, refs, func(s [2]float64) float64 { return s[0] }) +
		"|FR=" + mix(names, refs, func(s [2]float64) float64 { return s[1] })
}

// mix is one output channel: the weighted sum, weights adding up to 1.
func mix(names, refs []string, weight func([2]float64) float64) string {
	sum := 0.0
	for _, n := range names {
		sum += weight(side[n])
	}
	var terms []string
	for i, n := range names {
		if w := weight(side[n]); w > 0 {
			terms = append(terms, fmt.Sprintf("%.6f*%s", w/sum, refs[i]))
		}
	}
	return strings.Join(terms, "+")
}

package plan

import (
	"testing"

	"sluice/codec"
)

func TestOutputRates(t *testing.T) {
	for _, tc := range []struct {
		name      string
		avg, real string
		vfr       bool
		p10       int64 // microseconds, for VFR
		want      string
	}{
		{"film", "24000/1001", "24000/1001", false, 0, "24000/1001"},
		{"film, rounded", "2398/100", "", false, 0, "24000/1001"},
		{"PAL", "25/1", "25/1", false, 0, "25/1"},
		{"NTSC in milliseconds", "2997/100", "30000/1001", false, 0, "30000/1001"},
		{"30", "30/1", "30/1", false, 0, "30/1"},
		{"thousandth time base", "30/1", "1000/1", false, 0, "30/1"},
		{"120 is halved", "120/1", "120/1", false, 0, "60/1"},
		{"240 is halved twice", "240/1", "240/1", false, 0, "60/1"},
		{"119.88", "120000/1001", "120000/1001", false, 0, "60000/1001"},
		{"12.5 is kept", "25/2", "25/2", false, 0, "25/2"},
		{"15 is kept", "15/1", "15/1", false, 0, "15/1"},
		{"1 is repeated", "1/1", "1/1", false, 0, "10/1"},
		{"a frame in ten seconds", "1/10", "1/10", false, 0, "10/1"},
		{"23.2 is not a rate", "116/5", "", false, 0, "24000/1001"},
		{"40", "40/1", "40/1", false, 0, "48/1"},
		{"unknown", "", "", false, 0, "25/1"},
		{"nonsense", "0/0", "90000/1", false, 0, "25/1"},
		{"phone", "28/1", "30/1", true, 33_000, "30/1"},
		{"phone at NTSC rate", "28/1", "30000/1001", true, 33_366, "30000/1001"},
		{"bursts", "20/1", "90/1", true, 20_000, "50/1"},
		{"beyond 60", "80/1", "", true, 4_000, "60/1"},
		{"screen capture", "3/1", "", true, 200_000, "24000/1001"},
	} {
		s := &codec.Stream{Frames: 100, Video: &codec.VideoInfo{VFR: tc.vfr}}
		for _, f := range []struct {
			text string
			to   *codec.Rational
		}{{tc.avg, &s.Video.FPSAvg}, {tc.real, &s.Video.FPSReal}} {
			if err := f.to.UnmarshalText([]byte(f.text)); err != nil {
				t.Fatal(err)
			}
		}
		if tc.p10 > 0 {
			s.Video.VFRStats = &codec.VFRStats{P10US: tc.p10, Regular: 0.5}
		}
		if got := outputRate(s).String(); got != tc.want {
			t.Errorf("%s: %s, want %s", tc.name, got, tc.want)
		}
	}
}

func TestLadderSteps(t *testing.T) {
	specs := DefaultRequest().Ladder
	for _, tc := range []struct {
		src  size
		want []size
	}{
		{size{1920, 1080}, []size{{1920, 1080}, {1280, 720}, {960, 540}, {640, 360}}},
		{size{1920, 1000}, []size{{1920, 1000}, {1382, 720}, {1036, 540}, {692, 360}}}, // within 8 % below 1080
		{size{1920, 1120}, []size{{1920, 1120}, {1234, 720}, {926, 540}, {618, 360}}},  // within 8 % above
		{size{1600, 900}, []size{{1600, 900}, {1280, 720}, {960, 540}, {640, 360}}},    // between two
		{size{1920, 800}, []size{{1920, 800}, {1296, 540}, {864, 360}}},                // too close to 720 to have both
		{size{640, 480}, []size{{640, 480}, {480, 360}}},
		{size{1080, 1920}, []size{{1080, 1920}, {720, 1280}, {540, 960}, {360, 640}}},
		{size{320, 180}, []size{{320, 180}}},
		{size{7680, 4320}, []size{{3840, 2160}, {2560, 1440}, {1920, 1080}, {1280, 720}, {960, 540}, {640, 360}}},
		{size{2, 2}, []size{{2, 2}}},
		{size{8192, 16}, []size{{8192, 16}}},
	} {
		var got []size
		for _, st := range ladder(tc.src, specs) {
			got = append(got, st.size)
		}
		if len(got) != len(tc.want) {
			t.Errorf("%v: %v, want %v", tc.src, got, tc.want)
			continue
		}
		for i := range got {
			if got[i] != tc.want[i] {
				t.Errorf("%v: %v, want %v", tc.src, got, tc.want)
				break
			}
		}
	}
	if got := ladder(size{640, 480}, specs[5:]); len(got) != 1 || got[0].h != 360 {
		t.Errorf("a ladder of 360 alone gave %v for 480: the request is the most there may be", got)
	}
}

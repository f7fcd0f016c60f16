package plan_test

import (
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"sluice/codec"
	"sluice/codec/plan"
)

// drawInfo makes sources that a hostile or a damaged file could yield.
func drawInfo(t *rapid.T) codec.Info {
	micros := rapid.OneOf(rapid.Int64Range(0, 5_000_000), rapid.Int64Range(0, 4*3600*1_000_000), rapid.Int64())
	info := codec.Info{Format: codec.Format{
		Name:       rapid.SampledFrom([]string{"mov,mp4,m4a,3gp,3g2,mj2", "mpegts", "matroska,webm", "png_pipe", ""}).Draw(t, "format"),
		DurationUS: micros.Draw(t, "duration"),
	}}
	n := rapid.IntRange(0, 5).Draw(t, "streams")
	for i := range n {
		s := codec.Stream{
			Index: i, DurationUS: micros.Draw(t, "duration"), Frames: rapid.Int64Range(0, 500_000).Draw(t, "frames"),
			Codec:    rapid.SampledFrom([]string{"h264", "hevc", "aac", "png", "", "mp3"}).Draw(t, "codec"),
			Default:  rapid.Bool().Draw(t, "default"),
			Profile:  rapid.SampledFrom([]string{"High", "LC", ""}).Draw(t, "profile"),
			Language: rapid.SampledFrom([]string{"en", "", "../x", strings.Repeat("a", 99)}).Draw(t, "language"),
			BitRate:  rapid.Int64Range(-1, 1<<40).Draw(t, "rate"),
		}
		if rapid.Bool().Draw(t, "has start") {
			v := micros.Draw(t, "start")
			s.StartUS = &v
		}
		switch rapid.SampledFrom([]string{"v", "a", "s", "d", "none"}).Draw(t, "kind") {
		case "v":
			s.Kind, s.Video = codec.Video, drawVideo(t, s)
		case "a":
			s.Kind = codec.Audio
			s.Audio = &codec.AudioInfo{SampleRate: rapid.IntRange(-1, 400_000).Draw(t, "hz"), Channels: rapid.IntRange(-1, 64).Draw(t, "ch"),
				Layout: rapid.SampledFrom([]string{"", "stereo", "5.1", "7.1", "hexadecagonal"}).Draw(t, "layout")}
		case "s":
			s.Kind, s.Subtitle = codec.Subtitle, &codec.SubtitleInfo{Kind: rapid.SampledFrom([]string{"text", "bitmap", ""}).Draw(t, "sub")}
		case "d":
			s.Kind = codec.Data
		default:
			s.Kind = codec.Kind(rapid.SampledFrom([]string{"video", "audio", "subtitle"}).Draw(t, "bare"))
		}
		info.Streams = append(info.Streams, s)
	}
	return info
}

func drawVideo(t *rapid.T, s codec.Stream) *codec.VideoInfo {
	dim := rapid.OneOf(rapid.IntRange(1, 4096), rapid.IntRange(-1, 1<<31-1))
	rate := rapid.Custom(func(t *rapid.T) codec.Rational {
		return codec.Rational{Num: rapid.Int64Range(0, 1<<40).Draw(t, "num"), Den: rapid.SampledFrom([]int64{0, 1, 1001, 1 << 40}).Draw(t, "den")}
	})
	v := &codec.VideoInfo{
		Width: dim.Draw(t, "w"), Height: dim.Draw(t, "h"), SAR: rate.Draw(t, "sar"),
		Rotation: rapid.SampledFrom([]int{0, 90, 180, 270, 45}).Draw(t, "rotation"), FPSAvg: rate.Draw(t, "avg"), FPSReal: rate.Draw(t, "real"),
		PixFmt: "yuv420p", Chroma: "4:2:0", BitDepth: 8, ParamSets: 2, MeanBitRate: 1, PeakBitRate: 1,
		Interlaced: rapid.Bool().Draw(t, "interlaced"), VFR: rapid.Bool().Draw(t, "vfr"),
	}
	if rapid.Bool().Draw(t, "stats") {
		v.VFRStats = &codec.VFRStats{P10US: rapid.Int64Range(-1, 10_000_000).Draw(t, "p10"), Regular: rapid.Float64Range(0, 1).Draw(t, "regular")}
	}
	if rapid.Bool().Draw(t, "keys") {
		k := &codec.Keyframes{Closed: true, IDROnly: true, MedianGapUS: rapid.Int64Range(-5, 9_000_000).Draw(t, "median")}
		at := int64(0)
		if s.StartUS != nil {
			at = *s.StartUS
		}
		step := rapid.Int64Range(0, 12_000_000).Draw(t, "step")
		for range rapid.IntRange(0, 200).Draw(t, "n") {
			k.TimesUS = append(k.TimesUS, at)
			at += step
		}
		k.Count, k.MaxGapUS = len(k.TimesUS), step
		v.Keyframes = k
	}
	return v
}

func TestAnySourceGivesASoundPlanOrAnError(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		info := drawInfo(t)
		req := plan.DefaultRequest()
		req.Policy.KeepVFR = rapid.Bool().Draw(t, "keep vfr")
		req.Policy.SpanUS = rapid.SampledFrom([]int64{0, 4_000_000, 30_000_000}).Draw(t, "span")
		p, _, err := plan.Make(info, req)
		plan.Judge(info, req)
		if err != nil {
			if codec.CodeOf(err) == "" && !errors.Is(err, plan.ErrRequest) {
				t.Fatalf("error without a kind: %v", err)
			}
			return
		}
		checkSound(t, p)
	})
}

// fatal is what *testing.T and *rapid.T share.
type fatal interface{ Fatalf(string, ...any) }

// checkSound tests what holds for every plan.
func checkSound(t fatal, p codec.Plan) {
	names := map[string]bool{}
	unique := func(n string) {
		if n == "" || names[n] || strings.ContainsAny(n, "/\\") {
			t.Fatalf("name %q is empty, unsafe or used twice", n)
		}
		names[n] = true
	}
	for _, a := range p.Audio {
		unique(a.Name)
		if a.SampleRate <= 0 || a.Channels <= 0 || a.DurationUS < 0 {
			t.Fatalf("audio %+v", a)
		}
	}
	for _, s := range p.Subs {
		unique(s.Name)
	}
	if th := p.Thumbs; th != nil && (th.Width < 2 || th.Height < 2 || th.Columns > 0 && (th.TileWidth < 2 || th.TileHeight < 2 || th.IntervalUS < 1_000_000)) {
		t.Fatalf("thumbs %+v", th)
	}
	if l := p.Limits; l.CPUSeconds < 60 || l.MemoryBytes < 1<<30 || l.OutputBytes <= 0 || l.StallUS < 0 {
		t.Fatalf("limits %+v", l)
	}
	v := p.Video
	if v == nil {
		if len(p.Spans) > 0 {
			t.Fatalf("spans without a video")
		}
		return
	}
	if v.FPS.IsZero() || v.FPS.Float() > 60.01 || v.GOP < 1 || v.Frames < 1 || v.Timescale*v.FPS.Den != v.FrameDur*v.FPS.Num || v.Timescale > 1<<31 {
		t.Fatalf("timing %+v", v)
	}
	for i, r := range v.Rungs {
		unique(r.Name)
		if r.Width < 2 || r.Height < 2 || !r.Copy && (r.Width%2 != 0 || r.Height%2 != 0) {
			t.Fatalf("rung %+v", r)
		}
		if i > 0 && r.Width*r.Height > v.Rungs[i-1].Width*v.Rungs[i-1].Height {
			t.Fatalf("rungs do not descend at %d", i)
		}
		checkThreads(t, p, i)
	}
	checkSpans(t, p)
}

// checkThreads asserts that no encoder picks its own number of threads.
func checkThreads(t fatal, p codec.Plan, i int) {
	e := p.Video.Rungs[i].Enc
	if e.Threads != 1 && (e.Threads != 2 || p.Chunks.Mode != "rung") {
		t.Fatalf("rung %d: %d threads in %s mode", i, e.Threads, p.Chunks.Mode)
	}
	for k, o := range e.Opts {
		if k == "threads" || strings.Contains(o, "threads=0") && !strings.Contains(o, "sliced-threads=0") || strings.Contains(o, "auto") {
			t.Fatalf("rung %d: option %s=%s", i, k, o)
		}
	}
}

func checkSpans(t fatal, p codec.Plan) {
	v := p.Video
	grid := map[int64]bool{}
	for i, g := range v.Grid {
		if i > 0 && g <= v.Grid[i-1] || i == 0 && g != 0 {
			t.Fatalf("grid does not ascend from 0 at %d: %d", i, g)
		}
		grid[g] = true
	}
	next := int64(0)
	for i, s := range p.Spans {
		if s.Index != i || s.Start != next || s.End <= s.Start {
			t.Fatalf("span %d is %+v, want it to start at %d", i, s, next)
		}
		if len(grid) > 0 && !grid[s.Start] || len(grid) == 0 && s.Start%v.GOP != 0 {
			t.Fatalf("span %d starts at %d, not on a GOP boundary", i, s.Start)
		}
		next = s.End
	}
	if next != v.Frames {
		t.Fatalf("spans end at %d of %d", next, v.Frames)
	}
}

func TestSeekPointsLieBeforeTheirSpans(t *testing.T) {
	for name, in := range inputs(t) {
		p, _, err := plan.Make(in.Info, in.request())
		if err != nil || p.Video == nil {
			continue
		}
		checkSound(t, p)
		for _, s := range p.Spans {
			startUS := p.OriginUS + s.Start*p.Video.FrameDur*1_000_000/p.Video.Timescale
			frameUS := p.Video.FrameDur * 1_000_000 / p.Video.Timescale
			if s.SeekUS > startUS+frameUS/2 {
				t.Errorf("%s: span %d seeks to %d, after its start %d", name, s.Index, s.SeekUS, startUS)
			}
		}
	}
}

func TestTasksAreThirtySecondsToTwoMinutes(t *testing.T) {
	in := inputs(t)["1080p30-10min"]
	p, _, err := plan.Make(in.Info, in.request())
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Spans) < 8 {
		t.Fatalf("%d spans for ten minutes", len(p.Spans))
	}
	for i, s := range p.Spans {
		us := (s.End - s.Start) * p.Video.FrameDur * 1_000_000 / p.Video.Timescale
		if us > 120_000_000 || us < 17_000_000 || i > 0 && us < 30_000_000 {
			t.Errorf("span %d lasts %d ms", i, us/1000)
		}
	}
}

func TestRequestsAreRefusedByName(t *testing.T) {
	for _, tc := range []struct {
		name string
		edit func(*codec.Request)
		want string
	}{
		{"double name", func(r *codec.Request) { r.Ladder[1].Name = r.Ladder[0].Name }, `the name "2160p" is used twice`},
		{"path as name", func(r *codec.Request) { r.Ladder[0].Name = "../a" }, "letters, digits"},
		{"codec", func(r *codec.Request) { r.Ladder[0].Codec = "theora" }, `codec "theora"`},
		{"preset", func(r *codec.Request) { r.Ladder[0].Preset = "warp" }, `preset "warp"`},
		{"rate", func(r *codec.Request) { r.Ladder[0].MaxRate = 0 }, "max_rate 0"},
		{"height", func(r *codec.Request) { r.Ladder[0].Height = 1 }, "height 1"},
		{"audio codec", func(r *codec.Request) { r.Audio.Renditions[0].Codec = "mp2" }, `codec "mp2"`},
		{"audio channels", func(r *codec.Request) { r.Audio.Renditions[0].Channels = 3 }, "channels 3"},
		{"policy", func(r *codec.Request) { r.Policy.SpanUS = -1 }, "policy.span_us is negative"},
	} {
		req := plan.DefaultRequest()
		tc.edit(&req)
		_, _, err := plan.Make(inputs(t)["1080p30"].Info, req)
		if !errors.Is(err, plan.ErrRequest) || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: error %v, want it to contain %q", tc.name, err, tc.want)
		}
	}
}

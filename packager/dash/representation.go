package dash

import (
	"fmt"
	"strconv"

	"sluice/packager"
)

// representation describes one track; nil when it has nothing to offer in the profile.
func (w *writer) representation(ref packager.Ref) (*representation, error) {
	size := func(k int) (int64, error) { return w.Size([]packager.Ref{ref}, k) }
	if !w.onDemand {
		return w.timed(ref, "fragment", size)
	}
	if w.Stored == nil {
		return nil, nil
	}
	s, ok := w.Stored(ref)
	if !ok {
		return nil, nil
	}
	rep, err := w.describe(ref, size)
	if err != nil {
		return nil, err
	}
	rep.BaseURL = w.child("track", id(ref), "mp4")
	rep.Base = &segmentBase{
		IndexRange: fmt.Sprintf("%d-%d", s.IndexOff, s.IndexOff+s.IndexLen-1), Timescale: w.set.Track(ref).Timescale,
		Init: initialization{Range: fmt.Sprintf("0-%d", s.InitEnd-1)},
	}
	return rep, nil
}

// describe fills in what every profile says of a track.
func (w *writer) describe(ref packager.Ref, size func(k int) (int64, error)) (*representation, error) {
	t := w.set.Track(ref)
	segs := w.ready(ref)
	target := packager.DefaultSegmentSeconds * int64(t.Timescale)
	if s := w.set; s.SegmentTicks != 0 && s.SegmentScale != 0 {
		target = int64(s.SegmentTicks) * int64(t.Timescale) / int64(s.SegmentScale)
	}
	bw, err := packager.Measure(segs, t.Timescale, target, size)
	if err != nil {
		return nil, err
	}
	rep := &representation{ID: id(ref), Bandwidth: max(1, bw.Peak), Codecs: t.CodecString()}
	switch t.Kind {
	case packager.Video:
		rep.Width, rep.Height, rep.FrameRate = int(t.Width), int(t.Height), frameRate(&t.Media)
		rep.Sar = ratio(uint64(max(1, t.SARNum)), uint64(max(1, t.SARDen)))
	case packager.Audio:
		if t.SampleRate > 0 {
			rep.SamplingRate = strconv.Itoa(int(t.SampleRate))
		}
		if c := channelConfiguration(t.Channels); c != 0 {
			rep.Channels = &descriptor{"urn:mpeg:mpegB:cicp:ChannelConfiguration", strconv.Itoa(c)}
		}
	}
	return rep, nil
}

// ready are the segments of the part of the set that will not change.
func (w *writer) ready(ref packager.Ref) []packager.Segment {
	segs := w.Table.Segments(ref)
	return segs[:min(len(segs), w.Table.Ready)]
}

// timed describes a track by a SegmentTimeline. Where a segment without samples lies among the others, numbers and segments
// would part ways, and a list of URLs takes the template's place.
func (w *writer) timed(ref packager.Ref, base string, size func(k int) (int64, error)) (*representation, error) {
	segs := w.ready(ref)
	var line timeline
	var numbers []int
	next := int64(0)
	for k, s := range segs {
		if s.Count == 0 {
			continue
		}
		numbers = append(numbers, k+1)
		line.add(s, next)
		next = s.Start + s.Dur
	}
	if len(numbers) == 0 {
		return nil, nil
	}
	rep, err := w.describe(ref, size)
	if err != nil {
		return nil, err
	}
	scale := w.set.Track(ref).Timescale
	if numbers[len(numbers)-1] == len(numbers) {
		// A trick-mode representation has another id than its track.
		item := "$RepresentationID$"
		if base == "trick" {
			item = id(ref)
		}
		rep.Template = &segmentTemplate{
			Timescale: scale, StartNumber: 1, Timeline: &line,
			Init: w.child("init", item, "mp4"), Media: w.child(base+"-$Number$", item, "m4s"),
		}
		return rep, nil
	}
	rep.List = &segmentList{Timescale: scale, Timeline: &line, Init: initialization{SourceURL: w.child("init", id(ref), "mp4")}}
	for _, n := range numbers {
		rep.List.URLs = append(rep.List.URLs, segmentURL{w.child(base+"-"+strconv.Itoa(n), id(ref), "m4s")})
	}
	return rep, nil
}

// add appends a segment, run-length coded; next is where the one before it ended.
func (t *timeline) add(s packager.Segment, next int64) {
	if n := len(t.S); n > 0 && s.Start == next && t.S[n-1].D == s.Dur {
		t.S[n-1].R++
		return
	}
	sp := span{D: s.Dur}
	if len(t.S) == 0 || s.Start != next {
		sp.T = &s.Start
	}
	t.S = append(t.S, sp)
}

// channelConfiguration is the CICP value (ISO/IEC 23091-3) of the usual layout of n channels, 0 when there is none.
func channelConfiguration(n uint8) int {
	switch {
	case n >= 1 && n <= 6:
		return int(n)
	case n == 7:
		return 11
	case n == 8:
		return 12
	}
	return 0
}

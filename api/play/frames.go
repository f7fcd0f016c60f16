package play

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"sluice/codec"
	"sluice/codec/plan"
	"sluice/packager"
	"sluice/packager/cmaf"
	"sluice/packager/origin"
)

// Frames makes pictures of presentations at any time and size: it hands the engine the group of pictures that holds the frame,
// cut out of a stored rendition.
type Frames struct{ Engine codec.Engine }

var _ origin.Thumbnailer = Frames{}

// maxGroup bounds the bytes of the samples that are decoded for one frame.
const maxGroup = 64 << 20

// Thumb implements origin.Thumbnailer: the frame shown at timeMS of the smallest rendition that is large enough, of the largest
// when none is or no size is given.
func (f Frames) Thumb(ctx context.Context, set *packager.Set, timeMS int64, width, height int) ([]byte, error) {
	t := rendition(set, width, height)
	if t == nil {
		return nil, fmt.Errorf("the presentation has no video: %w", origin.ErrNotFound)
	}
	clip, at, err := group(ctx, t, timeMS)
	if err != nil {
		return nil, err
	}
	src := codec.Source{Reader: bytes.NewReader(clip), Size: int64(len(clip))}
	info, err := f.Engine.Probe(ctx, src, codec.ProbeOpts{})
	if err != nil {
		return nil, fmt.Errorf("frame at %d ms: %w", timeMS, err)
	}
	p, ok := plan.Frame(&info, width, height)
	if !ok {
		return nil, fmt.Errorf("frame at %d ms: the rendition shows no video", timeMS)
	}
	p.FrameUS = &at
	job := codec.Job{Plan: codec.Plan{Version: codec.PlanVersion, Format: info.Format.Name, Thumbs: p}, Thumbs: true}
	var out picture
	if _, err := f.Engine.Run(ctx, src, job, &out); err != nil {
		return nil, fmt.Errorf("frame at %d ms: %w", timeMS, err)
	}
	if out.jpeg == nil {
		return nil, fmt.Errorf("frame at %d ms: the engine made none", timeMS)
	}
	return out.jpeg, nil
}

// rendition chooses the video track to take a picture of that size from.
func rendition(set *packager.Set, width, height int) (best *packager.Track) {
	size := func(t *packager.Track) int { return int(t.Width) * int(t.Height) }
	enough := func(t *packager.Track) bool {
		return (width > 0 || height > 0) && int(t.Width) >= width && int(t.Height) >= height
	}
	for i := range set.Files {
		for _, t := range set.Files[i].Tracks {
			switch {
			case t.Kind != packager.Video || t.Len() == 0:
			case best == nil, enough(t) && !enough(best),
				enough(t) && enough(best) && size(t) < size(best), !enough(t) && !enough(best) && size(t) > size(best):
				best = t
			}
		}
	}
	return best
}

// group returns a fragmented MP4 of the samples that are needed to show the frame at timeMS, and that frame's time in it,
// microseconds.
func group(ctx context.Context, t *packager.Track, timeMS int64) (clip []byte, at int64, err error) {
	first, last := frameAt(t, packager.Rescale(timeMS, 1000, t.Timescale)+int64(t.Priming))
	if n := t.SampleBytes(first, last-first+1); n > maxGroup {
		return nil, 0, fmt.Errorf("frame at %d ms: its group of pictures has %d bytes: %w", timeMS, n, errTooLarge)
	}
	alone, pts := excerpt(t, first, last)
	head, err := cmaf.InitSegment(&alone.Media)
	if err != nil {
		return nil, 0, err
	}
	body, err := cmaf.Segment([]*packager.Track{alone}, []packager.Segment{{Count: alone.Len()}}, 1)
	if err != nil {
		return nil, 0, err
	}
	out := bytes.NewBuffer(head)
	if err := body.WriteRange(ctx, out, 0, body.Size()); err != nil {
		return nil, 0, err
	}
	const rounding = 10 // either side rounds its ticks
	return out.Bytes(), packager.Rescale(pts, t.Timescale, 1_000_000) + rounding, nil
}

// excerpt is samples first to last as a track of their own, which starts at 0, and the time of the last. Its composition offsets
// are not negative: libav moves the presentation times of a fragment that has negative ones.
func excerpt(t *packager.Track, first, last int) (alone *packager.Track, pts int64) {
	media := t.Media
	media.Priming = 0
	shift := int64(0)
	t.Walk(first, last-first+1, func(_ int, s packager.Sample) bool {
		shift = max(shift, s.DTS-s.PTS)
		return true
	})
	start := t.Sample(first).DTS
	b := packager.NewBuilder(media, t.Files...)
	t.Walk(first, last-first+1, func(_ int, s packager.Sample) bool {
		s.DTS -= start
		s.PTS += shift - start
		pts = s.PTS
		b.Add(s)
		return true
	})
	return b.Track(), pts
}

var errTooLarge = errors.New("too large to decode")

// frameAt returns the sample that is shown at a time of the track, and the sync sample to decode from to see it.
func frameAt(t *packager.Track, at int64) (first, shown int) {
	from := t.SyncBefore(min(t.At(at), t.Len()-1))
	for from > 0 && t.Sample(from).PTS > at {
		from = t.SyncBefore(from - 1)
	}
	shown, pts := from, t.Sample(from).PTS
	end := t.NextSync(min(t.At(at)+1, t.Len()))
	if end < t.Len() { // the pictures before the next sync sample may stand behind it
		end = t.NextSync(end + 1)
	}
	t.Walk(from, end-from, func(i int, s packager.Sample) bool {
		if s.PTS <= at && s.PTS >= pts {
			shown, pts = i, s.PTS
		}
		return true
	})
	first = t.SyncBefore(shown)
	if first > 0 && leads(t, first) {
		first = t.SyncBefore(first - 1)
	}
	return first, shown
}

// leads reports whether pictures after sync sample i are shown before it: they refer to what is in front of it, and a decoder that
// starts with it holds back even those that don't.
func leads(t *packager.Track, i int) (found bool) {
	pts := t.Sample(i).PTS
	t.Walk(i+1, t.NextSync(i+1)-i-1, func(_ int, s packager.Sample) bool {
		found = s.PTS < pts
		return !found
	})
	return found
}

// picture is a sink for one file.
type picture struct{ jpeg []byte }

func (p *picture) Track(codec.Track) error        { return nil }
func (p *picture) Sample(int, codec.Sample) error { return nil }
func (p *picture) Progress(codec.Progress)        {}
func (p *picture) File(_ string, data []byte) error {
	p.jpeg = bytes.Clone(data)
	return nil
}

// Reset forgets what a try that died has delivered.
func (p *picture) Reset() error {
	p.jpeg = nil
	return nil
}

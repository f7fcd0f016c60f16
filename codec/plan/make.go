package plan

import (
	"fmt"

	"sluice/codec"
)

// Make plans the work for one source. info should come from a probe with ProbeOpts.Packets: without the packet scan there is
// no copying, durations are the container's claim, and tasks start decoding at the beginning.
//
// Errors are *codec.Error (too_large, too_long, too_many_streams, encrypted, unsupported_hdr, unsupported_codec,
// no_streams, no_video_or_audio), or wrap ErrRequest. Warnings tell what was left out.
func Make(info codec.Info, req codec.Request) (codec.Plan, []codec.Warning, error) {
	if err := CheckRequest(req); err != nil {
		return codec.Plan{}, nil, err
	}
	src, err := choose(info, req)
	if err != nil {
		return codec.Plan{}, nil, err
	}
	if isPart(req.Policy) {
		if err := src.cut(info, &req.Policy); err != nil {
			return codec.Plan{}, nil, err
		}
	}
	b := &builder{info: info, req: req, src: src}
	b.plan = codec.Plan{
		Version:         codec.PlanVersion,
		OriginUS:        src.originUS,
		Format:          info.Format.Name,
		Discontinuities: clockJumps(info, src),
	}
	b.warnings = append(b.warnings, src.dropped...)
	if src.still != nil {
		b.planStill()
	} else if err := b.planMedia(); err != nil {
		return codec.Plan{}, nil, err
	}
	if b.plan.Video == nil && len(b.plan.Audio) == 0 && len(b.plan.Subs) == 0 && b.plan.Thumbs == nil {
		return codec.Plan{}, nil, fmt.Errorf("%w: nothing to make: it asks for neither a ladder, audio, subtitles nor pictures that this source can give", ErrRequest)
	}
	b.plan.Limits = b.limits()
	return b.plan, b.warnings, nil
}

// clockJumps says whether the source's clock must be re-based, which costs every task a reading from the start. The packet scan
// has seen it; without a scan any recording of a broadcast may jump.
func clockJumps(info codec.Info, src sources) bool {
	for _, w := range info.Warnings {
		if w.Code == codec.TimelineFixed {
			return true
		}
	}
	scanned := src.video == nil || src.video.Video.Keyframes != nil
	return !scanned && (isTransportStream(info.Format) || info.Format.Name == "mpeg")
}

// builder holds what the steps of one Make share.
type builder struct {
	info     codec.Info
	req      codec.Request
	src      sources
	plan     codec.Plan
	warnings []codec.Warning
}

func (b *builder) warn(c codec.Code, stream int, format string, args ...any) {
	b.warnings = append(b.warnings, codec.Warning{Code: c, Stream: stream, Message: fmt.Sprintf(format, args...)})
}

func (b *builder) planMedia() error {
	if b.src.video != nil && len(b.req.Ladder) > 0 {
		if err := b.planVideo(); err != nil {
			return err
		}
	}
	b.plan.DurationUS = b.durationUS()
	b.planAudio()
	b.planSubs()
	b.planThumbs()
	return nil
}

// durationUS is the length of the presentation: the video's where there is one, else the longest audio's.
func (b *builder) durationUS() int64 {
	if b.plan.Video != nil {
		return b.videoEndUS()
	}
	var end int64
	streams := b.src.audio
	if b.src.video != nil {
		streams = append([]*codec.Stream{b.src.video}, streams...)
	}
	for _, s := range streams {
		end = max(end, startUS(b.info, s)-b.src.originUS+streamDurationUS(b.info, s))
	}
	if l := b.req.Policy.LengthUS; l > 0 {
		end = min(end, l)
	}
	return end
}

// videoEndUS is the time after the last output frame.
func (b *builder) videoEndUS() int64 {
	v := b.plan.Video
	return ticksToUS(v.Frames*v.FrameDur, v.Timescale)
}

func ticksToUS(t, timescale int64) int64 {
	return t/timescale*second + t%timescale*second/timescale
}

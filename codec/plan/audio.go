package plan

import (
	"fmt"
	"slices"

	"sluice/codec"
)

const (
	outSampleRate = 48_000
	// segmentUS is how far audio may outlast the video before it is cut.
	segmentUS = 2 * second
	// copyGapUS is how much of the video's start or end a copied track may leave silent; encoded tracks are padded.
	copyGapUS    = second / 2
	copyStartUS  = second / 10
	silentRate   = 32_000
	surroundRate = 384_000
	maxPerChan   = 64_000 // bit rate a channel from which the AAC encoder gains nothing on a mono source of a stereo rendition
)

// planAudio makes every rendition of every audio stream: each language by itself, each once.
func (b *builder) planAudio() {
	def := defaultAudio(b.src.audio)
	for i, s := range b.src.audio {
		b.audioStream(i, s, s == def)
	}
	if len(b.src.audio) == 0 && b.req.Policy.SilentTrack && b.plan.Video != nil {
		b.plan.Audio = append(b.plan.Audio, codec.AudioPlan{
			Stream: -1, Name: "a0-und-32k", Codec: "aac", BitRate: silentRate, SampleRate: outSampleRate, Channels: 1,
			Language: "und", Default: true, Roles: []string{"main"}, DurationUS: b.plan.DurationUS,
		})
	}
}

// defaultAudio is the track the container marks, else the first; a commentary only when there is nothing else.
func defaultAudio(streams []*codec.Stream) *codec.Stream {
	for _, s := range streams {
		if s.Default && !isSecondary(s) {
			return s
		}
	}
	for _, s := range streams {
		if !isSecondary(s) {
			return s
		}
	}
	if len(streams) > 0 {
		return streams[0]
	}
	return nil
}

func isSecondary(s *codec.Stream) bool {
	return slices.Contains(s.Disposition, "comment") || slices.Contains(s.Disposition, "visual_impaired")
}

// roles translates dispositions to DASH roles (ISO/IEC 23009-1 §5.8.5.5).
func roles(s *codec.Stream, isDefault bool) []string {
	var r []string
	for _, m := range []struct{ disposition, role string }{
		{"comment", "commentary"}, {"visual_impaired", "description"},
		{"hearing_impaired", "enhanced-audio-intelligibility"}, {"dub", "dub"},
	} {
		if slices.Contains(s.Disposition, m.disposition) {
			r = append(r, m.role)
		}
	}
	switch {
	case len(r) > 0:
	case isDefault:
		r = []string{"main"}
	default:
		r = []string{"alternate"}
	}
	return r
}

// audioStream adds the renditions of stream s, the i-th kept one.
func (b *builder) audioStream(i int, s *codec.Stream, isDefault bool) {
	base := codec.AudioPlan{
		Stream: s.Index, SourceChan: s.Audio.Channels, Language: firstOf(s.Language, "und"), Title: s.Title,
		Default: isDefault, Roles: roles(s, isDefault), DurationUS: b.boundUS(s),
	}
	renditions := b.req.Audio.Renditions
	if b.req.Audio.KeepSurround && s.Audio.Channels >= 6 {
		renditions = append(slices.Clone(renditions), codec.AudioRendition{Codec: "aac", BitRate: surroundRate, Channels: 6})
	}
	made := map[string]bool{}
	measured := false
	copiedRate := int64(0)
	for _, r := range renditions {
		r = fitRendition(r, s.Audio.Channels)
		if copiedRate > 0 && r.Channels >= min(2, s.Audio.Channels) && r.BitRate*10 >= copiedRate*8 && r.Channels <= 2 {
			continue // the copy serves this one too
		}
		p := base
		p.Name = fmt.Sprintf("a%d-%s-%dk", i, nameLanguage(p.Language), r.BitRate/1000)
		if r.Channels > 2 {
			p.Name += "-surround"
		}
		if r.Codec != "aac" {
			p.Name += "-" + r.Codec
		}
		if made[p.Name] {
			continue
		}
		made[p.Name] = true
		p.Codec, p.BitRate, p.Channels, p.SampleRate = r.Codec, r.BitRate, r.Channels, outSampleRate
		if b.canCopyAudio(s, r) {
			p.Copy, p.BitRate, p.SampleRate, p.Channels = true, s.BitRate, s.Audio.SampleRate, s.Audio.Channels
			p.DurationUS = 0
			if r.Channels <= 2 {
				copiedRate = s.BitRate
			}
		} else {
			p.Pan = downmix(s.Audio, r.Channels)
			p.Loudness, measured = !measured, true
		}
		b.plan.Audio = append(b.plan.Audio, p)
	}
}

// fitRendition never makes channels that the source has not: a mono source gives mono, at a mono rate.
func fitRendition(r codec.AudioRendition, channels int) codec.AudioRendition {
	if r.Channels == 6 && channels < 6 {
		r.Channels, r.BitRate = 2, min(r.BitRate, 2*maxPerChan)
	}
	if r.Channels == 2 && channels == 1 {
		r.Channels, r.BitRate = 1, max(32_000, min(r.BitRate/2, maxPerChan))
	}
	return r
}

// nameLanguage is the language as part of a file name.
func nameLanguage(l string) string {
	if !plainName(l) || len(l) > 16 {
		return "und"
	}
	return l
}

// canCopyAudio tests the conditions of engine §7, and that nothing must be padded or cut.
func (b *builder) canCopyAudio(s *codec.Stream, r codec.AudioRendition) bool {
	a := s.Audio
	switch {
	case b.req.Policy.NoPassthrough, s.Codec != "aac" || r.Codec != "aac", s.Profile != "LC":
		return false
	case a.SampleRate != 44_100 && a.SampleRate != 48_000, a.Channels > r.Channels, r.Channels == 6 && a.Channels != 6:
		return false
	case s.BitRate <= 0, s.BitRate*100 > r.BitRate*115:
		return false
	}
	if b.plan.Video == nil {
		return true
	}
	start := startUS(b.info, s) - b.src.originUS
	end := start + streamDurationUS(b.info, s)
	video := b.plan.DurationUS
	return start <= copyStartUS && video-end <= copyGapUS && end-video <= segmentUS
}

// boundUS is the length that the track is padded or cut to; 0 leaves it as it is: an end within a frame before and a segment
// after the video's end is no one's complaint.
func (b *builder) boundUS(s *codec.Stream) int64 {
	if isPart(b.req.Policy) {
		return b.plan.DurationUS
	}
	v := b.plan.Video
	if v == nil {
		return 0
	}
	end := startUS(b.info, s) - b.src.originUS + streamDurationUS(b.info, s)
	frame := ticksToUS(v.FrameDur, v.Timescale)
	switch over := end - b.plan.DurationUS; {
	case over < -frame:
		return b.plan.DurationUS
	case over > segmentUS:
		b.warn(codec.TimelineFixed, s.Index, "stream %d: %d ms of audio after the end of the video cut", s.Index, over/1000)
		return b.plan.DurationUS
	}
	return 0
}

package plan

import (
	"fmt"
	"slices"
	"strings"

	"sluice/codec"
)

// sources is the choice of streams to work on.
type sources struct {
	video *codec.Stream   // the picture that the ladder is made of, or nil
	audio []*codec.Stream // every usable audio stream, in file order
	subs  []*codec.Stream // text subtitles
	cover *codec.Stream   // an attached picture, or nil
	still *codec.Stream   // set when the source is a picture, not a film
	// originUS is the time on the container's clock that becomes 0.
	originUS int64
	dropped  []codec.Warning
}

// choose picks the streams and refuses sources that cannot or must not be worked on.
func choose(info codec.Info, req codec.Request) (sources, error) {
	var src sources
	if err := checkBounds(info, req.Policy); err != nil {
		return src, err
	}
	src.video = mainVideo(info)
	for i := range info.Streams {
		src.sort(&info.Streams[i], programOf(info, src.video))
	}
	if err := src.check(info, req.Policy); err != nil {
		return src, err
	}
	if src.video != nil && len(src.audio) == 0 && isStill(info, src.video) {
		src.still, src.video = src.video, nil
		return src, nil
	}
	src.originUS = src.origin(info)
	return src, src.checkEnd(info, req.Policy)
}

// sort puts one stream where it belongs, or notes why it is left out.
func (src *sources) sort(s *codec.Stream, program []int) {
	drop := func(c codec.Code, format string, args ...any) {
		src.dropped = append(src.dropped, codec.Warning{Code: c, Stream: s.Index, Message: fmt.Sprintf(format, args...)})
	}
	inProgram := program == nil || slices.Contains(program, s.Index)
	switch {
	case s.AttachedPic:
		if src.cover == nil && s.Video != nil && s.Video.Width > 0 && s.Video.Height > 0 {
			src.cover = s
		}
	case s.Kind == codec.Video:
		if s != src.video {
			drop(codec.TracksDropped, "stream %d: further video stream left out", s.Index)
		}
	case s.Kind == codec.Audio:
		switch {
		case !inProgram:
			drop(codec.TracksDropped, "stream %d: audio of another program left out", s.Index)
		case !knownCodec(s.Codec):
			drop(codec.TracksDropped, "stream %d: audio in an unknown format left out", s.Index)
		case s.Audio == nil || s.Audio.SampleRate <= 0 || s.Audio.Channels <= 0:
			drop(codec.TracksDropped, "stream %d: %s audio without a known sample rate or channel count left out", s.Index, s.Codec)
		default:
			src.audio = append(src.audio, s)
		}
	case s.Kind == codec.Subtitle:
		switch {
		case s.Subtitle != nil && s.Subtitle.Kind == "text":
			src.subs = append(src.subs, s)
		case s.Subtitle != nil && s.Subtitle.Kind == "bitmap":
			drop(codec.BitmapSubtitles, "stream %d: %s subtitles are pictures and cannot become text", s.Index, s.Codec)
		default:
			drop(codec.TracksDropped, "stream %d: subtitles in an unknown format left out", s.Index)
		}
	default:
		drop(codec.TracksDropped, "stream %d: data left out", s.Index)
	}
}

// check refuses a choice that leaves nothing, or nothing that may be decoded.
func (src *sources) check(info codec.Info, p codec.Policy) error {
	if len(info.Streams) == 0 {
		return codec.NewError(codec.NoStreams, "plan", "no streams", nil)
	}
	for i := range info.Streams {
		if s := &info.Streams[i]; s.Encrypted && (s == src.video || s.Kind == codec.Audio || s.Kind == codec.Video) {
			return streamError(codec.Encrypted, s.Index, "stream %d (%s) is encrypted", s.Index, s.Kind)
		}
	}
	if src.video == nil {
		for i := range info.Streams {
			if s := &info.Streams[i]; s.Kind == codec.Video && !s.AttachedPic && !knownCodec(s.Codec) {
				e := streamError(codec.UnsupportedCodec, s.Index, "stream %d: video format %q (tag %q)", s.Index, s.Codec, s.CodecTag)
				return e
			}
		}
		if len(src.audio) == 0 {
			return src.checkSoundless(info)
		}
		return nil
	}
	if h := src.video.Video.HDR; h.Kind == "dv" && (h.DVProfile == 5 || h.DVProfile == 10 && h.DVCompat == 0) {
		return streamError(codec.UnsupportedHDR, src.video.Index, "Dolby Vision profile %d without a compatible base layer", h.DVProfile)
	}
	return src.checkPixels(p)
}

// checkSoundless tells an audio file in an unknown format from a file without video and sound.
func (src *sources) checkSoundless(info codec.Info) error {
	for i := range info.Streams {
		if s := &info.Streams[i]; s.Kind == codec.Audio {
			return streamError(codec.UnsupportedCodec, s.Index, "stream %d: audio format %q", s.Index, s.Codec)
		}
	}
	return codec.NewError(codec.NoVideoOrAudio, "plan", "no usable video or audio stream", nil)
}

func (src *sources) checkPixels(p codec.Policy) error {
	v := src.video.Video
	limit := firstOf(p.MaxPixels, DefaultMaxPixels)
	for _, d := range [][2]int{{v.Width, v.Height}, {v.CodedWidth, v.CodedHeight}} {
		w, h := int64(d[0]), int64(d[1])
		if w > 1<<20 || h > 1<<20 || w*h > limit {
			return streamError(codec.TooLarge, src.video.Index, "%dx%d exceeds %d pixels", w, h, limit)
		}
	}
	return nil
}

func checkBounds(info codec.Info, p codec.Policy) error {
	if n, limit := len(info.Streams), firstOf(p.MaxStreams, DefaultMaxStreams); n > limit {
		return codec.NewError(codec.TooManyStreams, "plan", fmt.Sprintf("%d streams exceed %d", n, limit), nil)
	}
	limit := firstOf(p.MaxDurationUS, DefaultMaxDurationUS)
	for i := range info.Streams {
		s := &info.Streams[i]
		if s.Kind != codec.Video && s.Kind != codec.Audio || s.AttachedPic {
			continue
		}
		if d := streamDurationUS(info, s); d > limit {
			return streamError(codec.TooLong, s.Index, "stream %d lasts %d s, limit %d s", s.Index, d/second, limit/second)
		}
	}
	return nil
}

func streamError(c codec.Code, stream int, format string, args ...any) *codec.Error {
	e := codec.NewError(c, "plan", fmt.Sprintf(format, args...), nil)
	e.Stream = stream
	return e
}

// mainVideo is the decodable film that the ladder is made of: the largest, then the default one. Streams in which the scan
// found no frame are a last resort.
func mainVideo(info codec.Info) *codec.Stream {
	var best *codec.Stream
	for i := range info.Streams {
		s := &info.Streams[i]
		if s.Kind != codec.Video || s.AttachedPic || s.Video == nil || !knownCodec(s.Codec) || s.Video.Width <= 0 || s.Video.Height <= 0 {
			continue
		}
		if best == nil || betterVideo(s, best) {
			best = s
		}
	}
	return best
}

func betterVideo(a, b *codec.Stream) bool {
	if (a.Frames > 0) != (b.Frames > 0) {
		return a.Frames > 0
	}
	pa, pb := int64(a.Video.Width)*int64(a.Video.Height), int64(b.Video.Width)*int64(b.Video.Height)
	if pa != pb {
		return pa > pb
	}
	return a.Default && !b.Default
}

// programOf lists the streams that belong with the main video in a multi-program transport stream; nil means all.
func programOf(info codec.Info, video *codec.Stream) []int {
	if video == nil || len(info.Programs) < 2 {
		return nil
	}
	for _, p := range info.Programs {
		if slices.Contains(p.Streams, video.Index) {
			return p.Streams
		}
	}
	return nil
}

func knownCodec(name string) bool { return name != "" && name != "none" && name != "unknown" }

var imageCodecs = map[string]bool{
	"png": true, "apng": true, "mjpeg": true, "jpegls": true, "jpeg2000": true, "gif": true, "webp": true, "bmp": true,
	"tiff": true, "ppm": true, "pgm": true, "pam": true, "targa": true, "exr": true, "hdr": true, "qoi": true, "psd": true,
}

// isStill tells a picture from a film of one frame: by the container, or by a picture codec with a single frame.
func isStill(info codec.Info, s *codec.Stream) bool {
	name := info.Format.Name
	if s.Frames > 1 {
		return false
	}
	if strings.HasSuffix(name, "_pipe") || strings.HasPrefix(name, "image2") {
		return true
	}
	return imageCodecs[s.Codec] && s.Frames == 1
}

func isTransportStream(f codec.Format) bool { return strings.Contains(f.Name, "mpegts") }

// origin is the earliest start of the chosen video and audio (engine rule: one shift for all tracks).
func (src *sources) origin(info codec.Info) int64 {
	var streams []*codec.Stream
	if src.video != nil {
		streams = append(streams, src.video)
	}
	streams = append(streams, src.audio...)
	origin := startUS(info, streams[0])
	for _, s := range streams[1:] {
		origin = min(origin, startUS(info, s))
	}
	return origin
}

// checkEnd refuses a stream that starts so late that the presentation would exceed the limit.
func (src *sources) checkEnd(info codec.Info, p codec.Policy) error {
	limit := firstOf(p.MaxDurationUS, DefaultMaxDurationUS)
	for _, s := range append([]*codec.Stream{src.video}, src.audio...) {
		if s == nil {
			continue
		}
		if end := startUS(info, s) - src.originUS + streamDurationUS(info, s); end > limit {
			return streamError(codec.TooLong, s.Index, "stream %d ends %d s after the start, limit %d s", s.Index, end/second, limit/second)
		}
	}
	return nil
}

// startUS is the stream's first presentation time on the container's clock; times that no clock shows are bounded so that
// differences stay in range.
func startUS(info codec.Info, s *codec.Stream) int64 {
	us := int64(0)
	switch {
	case s.StartUS != nil:
		us = *s.StartUS
	case info.Format.StartUS != nil:
		us = *info.Format.StartUS
	}
	return min(max(us, -1<<60), 1<<60)
}

func streamDurationUS(info codec.Info, s *codec.Stream) int64 {
	return min(max(0, firstOf(s.DurationUS, info.Format.DurationUS)), 1<<60)
}

package plan

import (
	"errors"
	"fmt"

	"sluice/codec"
)

// ErrRequest is the kind of the errors that are the request's fault, not the source's.
var ErrRequest = errors.New("invalid request")

// Limits on sources when the policy names none.
const (
	DefaultMaxPixels     = 8192 * 4352
	DefaultMaxDurationUS = 24 * 3600 * second
	DefaultMaxStreams    = 64
)

const (
	second             = int64(1_000_000) // microseconds
	defaultMaxCopyGOP  = 5 * second
	defaultSpanUS      = 60 * second
	defaultPresetH264  = "veryfast"
	defaultGOPSeconds  = 2
	defaultVideoFormat = "h264"
)

// DefaultRequest returns the ladder, audio renditions and pictures that an account gets when it asks for nothing else.
func DefaultRequest() codec.Request {
	return codec.Request{
		Ladder: []codec.RungSpec{
			{Name: "2160p", Height: 2160, MaxRate: 14_000_000},
			{Name: "1440p", Height: 1440, MaxRate: 8_000_000},
			{Name: "1080p", Height: 1080, MaxRate: 4_500_000},
			{Name: "720p", Height: 720, MaxRate: 2_500_000},
			{Name: "540p", Height: 540, MaxRate: 1_500_000},
			{Name: "360p", Height: 360, MaxRate: 800_000},
		},
		Audio: codec.AudioSpec{Renditions: []codec.AudioRendition{
			{Codec: "aac", BitRate: 128_000, Channels: 2},
			// The native AAC encoder wants 64 kb/s a channel, so the small rendition is mono.
			{Codec: "aac", BitRate: 64_000, Channels: 1},
		}},
		Subs:   true,
		Thumbs: codec.ThumbSpec{Poster: true, Storyboard: true},
	}
}

var videoEncoders = map[string]string{
	"h264": "libx264",
	"hevc": "libx265",
	"av1":  "libsvtav1",
	"vp9":  "libvpx-vp9",
}

var x26xPresets = map[string]bool{
	"ultrafast": true, "superfast": true, "veryfast": true, "faster": true, "fast": true,
	"medium": true, "slow": true, "slower": true, "veryslow": true, "placebo": true,
}

// CheckRequest reports the first thing about req that cannot be carried out for any source; the error wraps ErrRequest.
func CheckRequest(req codec.Request) error {
	names := map[string]bool{}
	for i, r := range req.Ladder {
		if err := checkRung(r, req.Policy.Preset); err != nil {
			return fmt.Errorf("%w: ladder[%d] %q: %w", ErrRequest, i, r.Name, err)
		}
		if names[r.Name] {
			return fmt.Errorf("%w: ladder[%d]: the name %q is used twice", ErrRequest, i, r.Name)
		}
		names[r.Name] = true
	}
	for i, a := range req.Audio.Renditions {
		if err := checkRendition(a); err != nil {
			return fmt.Errorf("%w: audio.renditions[%d]: %w", ErrRequest, i, err)
		}
	}
	p := req.Policy
	for name, v := range map[string]int64{
		"max_copy_gop_us": p.MaxCopyGOPUS, "span_us": p.SpanUS, "max_pixels": p.MaxPixels, "memory_bytes": p.MemoryBytes, "tokens": int64(p.Tokens),
		"max_duration_us": p.MaxDurationUS, "max_streams": int64(p.MaxStreams), "from_us": p.FromUS, "length_us": p.LengthUS,
	} {
		if v < 0 {
			return fmt.Errorf("%w: policy.%s is negative (%d)", ErrRequest, name, v)
		}
	}
	return nil
}

func checkRung(r codec.RungSpec, preset string) error {
	if !plainName(r.Name) {
		return errors.New("the name must be 1 to 64 letters, digits, dots, dashes or underscores")
	}
	if r.Height < 2 || r.Height > 8192 {
		return fmt.Errorf("height %d is not between 2 and 8192", r.Height)
	}
	if r.MaxRate < 16_000 || r.MaxRate > 1_000_000_000 {
		return fmt.Errorf("max_rate %d is not between 16000 and 1000000000 bits per second", r.MaxRate)
	}
	if _, ok := videoEncoders[videoCodec(r)]; !ok {
		return fmt.Errorf("codec %q is not one of h264, hevc, av1, vp9", r.Codec)
	}
	if r.CRF < 0 || r.CRF > 63 {
		return fmt.Errorf("crf %g is not between 0 and 63", r.CRF)
	}
	if p := firstOf(r.Preset, preset); p != "" && !x26xPresets[p] && (videoCodec(r) == "h264" || videoCodec(r) == "hevc") {
		return fmt.Errorf("preset %q is not an x264 preset", p)
	}
	return nil
}

func checkRendition(a codec.AudioRendition) error {
	if a.Codec != "aac" && a.Codec != "opus" {
		return fmt.Errorf("codec %q is not one of aac, opus", a.Codec)
	}
	if a.BitRate < 16_000 || a.BitRate > 1_024_000 {
		return fmt.Errorf("bit_rate %d is not between 16000 and 1024000", a.BitRate)
	}
	if a.Channels != 1 && a.Channels != 2 && a.Channels != 6 {
		return fmt.Errorf("channels %d is not 1, 2 or 6", a.Channels)
	}
	return nil
}

// plainName reports whether s is safe as part of an object key and of a URL.
func plainName(s string) bool {
	if s == "" || len(s) > 64 || s[0] == '.' {
		return false
	}
	for _, c := range []byte(s) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '.', c == '-', c == '_':
		default:
			return false
		}
	}
	return true
}

func videoCodec(r codec.RungSpec) string { return firstOf(r.Codec, defaultVideoFormat) }

// firstOf returns the first of its arguments that is not the zero value.
func firstOf[T comparable](vs ...T) T {
	var zero T
	for _, v := range vs {
		if v != zero {
			return v
		}
	}
	return zero
}

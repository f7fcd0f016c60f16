//go:build cgo

package av

/*
#include "shim.h"
*/
import "C"

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"unsafe"

	"github.com/asticode/go-astiav"

	"sluice/codec"
)

// stream is what the demuxer says about one elementary stream, in Go types.
type stream struct {
	index, id   int
	kind        codec.Kind
	codecID     astiav.CodecID
	codec       string
	tag         string
	profile     string
	profileID   int
	level       int
	tb          codec.Rational
	start       int64 // ticks, noPTS when unknown
	duration    int64
	frames      int64
	bitRate     int64
	disposition int
	avgFPS      codec.Rational
	realFPS     codec.Rational
	extradata   []byte
	hasDecoder  bool
	encrypted   bool

	width, height    int
	pixFmt           string
	depth            int
	chromaW, chromaH int
	rgb, alpha       bool
	components       int
	fieldOrder       int
	videoDelay       int
	sar              codec.Rational
	color            codec.Color
	colorIDs         colors // color in libav's numbers
	matrix           *[9]int32
	hdr              codec.HDR

	sampleRate, channels int
	layout, sampleFmt    string
	bits                 int
	frameSize, padding   int

	language, title string
	params          *astiav.CodecParameters // our own copy, so that lanes may read it while the demuxer runs
	tags            map[string]string
}

// load fills s from the demuxer's stream i.
func (s *stream) load(in *input, i int) {
	var f C.sl_stream
	C.sl_stream_get(in.c(), C.int(i), &f)
	*s = stream{
		index: int(f.index), id: int(f.id), codecID: astiav.CodecID(f.codec_id), codec: C.GoString(&f.codec[0]),
		tag: tagText(uint32(f.tag)), profile: C.GoString(&f.profile_name[0]), profileID: int(f.profile), level: int(f.level),
		tb:    codec.Rational{Num: int64(f.tb_num), Den: int64(f.tb_den)},
		start: int64(f.start), duration: int64(f.duration), frames: int64(f.nb_frames), bitRate: int64(f.bit_rate),
		disposition: int(f.disposition),
		avgFPS:      rational(f.avg_num, f.avg_den), realFPS: rational(f.real_num, f.real_den),
		hasDecoder: f.has_decoder != 0, encrypted: f.encrypted != 0,
		width: int(f.width), height: int(f.height), depth: int(f.depth),
		chromaW: int(f.log2_cw), chromaH: int(f.log2_ch), rgb: f.fmt_rgb != 0, alpha: f.fmt_alpha != 0, components: int(f.fmt_components),
		fieldOrder: int(f.field_order), videoDelay: int(f.video_delay), sar: rational(f.sar_num, f.sar_den),
		sampleRate: int(f.sample_rate), channels: int(f.channels), layout: C.GoString(&f.layout[0]),
		bits: int(f.bits_raw), frameSize: int(f.frame_size), padding: int(f.initial_padding),
	}
	if s.tb.Num <= 0 || s.tb.Den <= 0 {
		s.tb = codec.Rational{Num: 1, Den: 1_000_000}
	}
	if f.extradata_size > 0 {
		s.extradata = C.GoBytes(unsafe.Pointer(f.extradata), f.extradata_size)
	}
	switch f.kind {
	case C.AVMEDIA_TYPE_VIDEO:
		s.kind = codec.Video
		s.pixFmt = C.GoString(&f.format_name[0])
		s.colorIDs = colors{f.primaries, f.transfer, f.matrix, f._range, f.chroma}
		s.color = colorOf(f.primaries, f.transfer, f.matrix, f._range, f.chroma)
		s.loadHDR(&f)
	case C.AVMEDIA_TYPE_AUDIO:
		s.kind = codec.Audio
		s.sampleFmt = C.GoString(&f.format_name[0])
	case C.AVMEDIA_TYPE_SUBTITLE:
		s.kind = codec.Subtitle
	default:
		s.kind = codec.Data
	}
	if encryptedTags[s.tag] {
		s.encrypted = true
	}
	if f.has_matrix != 0 {
		s.matrix = new([9]int32)
		for j := range s.matrix {
			s.matrix[j] = int32(f.matrix9[j])
		}
	}
	st := in.fc.Streams()[i]
	s.params = astiav.AllocCodecParameters()
	haveMemory(st.CodecParameters().Copy(s.params))
	s.tags = dictMap(st.Metadata())
	s.language = bcp47(s.tags["language"])
	s.title = s.tags["title"]
	if s.title == "" && s.tags["handler_name"] != "" && !genericHandler(s.tags["handler_name"]) {
		s.title = s.tags["handler_name"]
	}
}

// encryptedTags are the sample entries of protected media (ISO/IEC 14496-12 §8.12, and Apple's own).
var encryptedTags = map[string]bool{"encv": true, "enca": true, "enct": true, "encs": true, "drms": true, "drmi": true, "drmt": true}

func (s *stream) loadHDR(f *C.sl_stream) {
	s.hdr.Kind = "none"
	switch s.color.Transfer {
	case "smpte2084":
		s.hdr.Kind = "pq"
	case "arib-std-b67":
		s.hdr.Kind = "hlg"
	}
	if f.has_cll != 0 {
		s.hdr.MaxCLL, s.hdr.MaxFALL = int(f.max_cll), int(f.max_fall)
	}
	if f.has_mastering != 0 {
		s.hdr.Mastering = masteringText(f.mastering)
	}
	if s.hdr.Kind == "pq" && (f.has_cll != 0 || f.has_mastering != 0) {
		s.hdr.Kind = "hdr10"
	}
	if f.has_dv != 0 {
		s.hdr.DVProfile, s.hdr.DVCompat = int(f.dv_profile), int(f.dv_compat)
		if s.hdr.DVCompat == 0 || s.hdr.Kind == "none" {
			s.hdr.Kind = "dv"
		}
	}
}

// masteringText writes the mastering display: chromaticities of red, green, blue and white, and luminance in cd/m².
func masteringText(m [10]C.double) string {
	return fmt.Sprintf("R(%.4f,%.4f)G(%.4f,%.4f)B(%.4f,%.4f)WP(%.4f,%.4f)L(%.4f,%.0f)",
		float64(m[0]), float64(m[1]), float64(m[2]), float64(m[3]), float64(m[4]), float64(m[5]), float64(m[6]), float64(m[7]), float64(m[8]), float64(m[9]))
}

// guessFPS is the frame rate the container claims, 25 when it claims none that is believable.
func (s *stream) guessFPS() codec.Rational {
	for _, r := range []codec.Rational{s.avgFPS, s.realFPS} {
		if f := r.Float(); f >= 0.01 && f <= 1000 {
			return r
		}
	}
	return codec.Rational{Num: 25, Den: 1}
}

func (s *stream) attachedPic() bool { return s.disposition&C.AV_DISPOSITION_ATTACHED_PIC != 0 }

// info converts s to the public description; times and statistics of a packet scan come on top.
func (s *stream) info() codec.Stream {
	out := codec.Stream{
		Index: s.index, ID: s.id, Kind: s.kind, Codec: s.codec, CodecTag: s.tag, Profile: s.profile, BitRate: s.bitRate,
		Frames: max(0, s.frames), TimeBase: s.tb, Language: s.language, Title: s.title, Disposition: dispositions(s.disposition),
		Default: s.disposition&C.AV_DISPOSITION_DEFAULT != 0, AttachedPic: s.attachedPic(), Encrypted: s.encrypted,
	}
	if s.level > 0 {
		out.Level = s.level
	}
	if s.start != noPTS {
		us := toUS(s.start, s.tb)
		out.StartUS = &us
	}
	if s.duration != noPTS && s.duration > 0 {
		out.DurationUS = toUS(s.duration, s.tb)
	}
	if len(s.extradata) > 0 {
		sum := sha256.Sum256(s.extradata)
		out.ExtradataSHA256 = hex.EncodeToString(sum[:])
	}
	switch s.kind {
	case codec.Video:
		out.Video = s.videoInfo()
	case codec.Audio:
		out.Audio = &codec.AudioInfo{SampleRate: s.sampleRate, Channels: s.channels, Layout: s.layout, SampleFmt: s.sampleFmt,
			BitDepth: s.bits, FrameSize: s.frameSize, PrimingSamples: s.padding}
		if s.codec == "aac" && s.profile == "" {
			out.Profile = aacProfile(s.extradata)
		}
	case codec.Subtitle:
		out.Subtitle = &codec.SubtitleInfo{Kind: subtitleKind(s.codec), Forced: s.disposition&C.AV_DISPOSITION_FORCED != 0,
			HearingImpaired: s.disposition&C.AV_DISPOSITION_HEARING_IMPAIRED != 0}
	}
	return out
}

func (s *stream) videoInfo() *codec.VideoInfo {
	v := &codec.VideoInfo{
		Width: s.width, Height: s.height, CodedWidth: s.width, CodedHeight: s.height, SAR: s.sar,
		PixFmt: s.pixFmt, BitDepth: s.depth, FPSAvg: s.avgFPS, FPSReal: s.realFPS, HasBFrames: s.videoDelay,
		Color: s.color, HDR: s.hdr, Alpha: s.alpha,
	}
	if v.SAR.IsZero() {
		v.SAR = codec.Rational{Num: 1, Den: 1}
	}
	if s.height > 0 {
		v.DAR = reduce(int64(s.width)*v.SAR.Num, int64(s.height)*v.SAR.Den)
	}
	switch {
	case s.pixFmt == "":
	case s.rgb:
		v.Chroma = "rgb"
	case s.components <= 2:
		v.Chroma = "4:0:0"
	case s.chromaW == 0 && s.chromaH == 0:
		v.Chroma = "4:4:4"
	case s.chromaW == 1 && s.chromaH == 0:
		v.Chroma = "4:2:2"
	case s.chromaW == 1 && s.chromaH == 1:
		v.Chroma = "4:2:0"
	default:
		v.Chroma = fmt.Sprintf("1/%dx1/%d", 1<<s.chromaW, 1<<s.chromaH)
	}
	switch s.fieldOrder {
	case C.AV_FIELD_PROGRESSIVE:
		v.FieldOrder = "progressive"
	case C.AV_FIELD_TT:
		v.FieldOrder, v.Interlaced = "tt", true
	case C.AV_FIELD_BB:
		v.FieldOrder, v.Interlaced = "bb", true
	case C.AV_FIELD_TB:
		v.FieldOrder, v.Interlaced = "tb", true
	case C.AV_FIELD_BT:
		v.FieldOrder, v.Interlaced = "bt", true
	}
	return v
}

func reduce(n, d int64) codec.Rational {
	a, b := n, d
	for b != 0 {
		a, b = b, a%b
	}
	if a == 0 {
		return codec.Rational{}
	}
	return codec.Rational{Num: n / a, Den: d / a}
}

func rational(n, d C.int) codec.Rational {
	if n <= 0 || d <= 0 {
		return codec.Rational{}
	}
	return codec.Rational{Num: int64(n), Den: int64(d)}
}

func tagText(t uint32) string {
	if t == 0 {
		return ""
	}
	b := []byte{byte(t), byte(t >> 8), byte(t >> 16), byte(t >> 24)}
	for _, c := range b {
		if c < 0x20 || c > 0x7e {
			return fmt.Sprintf("0x%08x", t)
		}
	}
	return string(b)
}

func colorOf(p, t, m, r, c C.int) codec.Color {
	return codec.Color{Primaries: colorName("p", p), Transfer: colorName("t", t), Matrix: colorName("m", m), Range: colorName("r", r), Chroma: colorName("c", c)}
}

func colorName(kind string, v C.int) string {
	k := C.CString(kind)
	defer C.free(unsafe.Pointer(k))
	n := C.sl_color_name(k, v)
	if n == nil {
		return ""
	}
	s := C.GoString(n)
	if s == "reserved" || s == "unspecified" || s == "unknown" {
		return ""
	}
	return s
}

// colorValue is the number libav gives a colour name; fallback when the name is empty or unknown.
func colorValue(kind, name string, fallback C.int) C.int {
	if name == "" {
		return fallback
	}
	k, n := C.CString(kind), C.CString(name)
	defer C.free(unsafe.Pointer(k))
	defer C.free(unsafe.Pointer(n))
	if v := C.sl_color_value(k, n); v >= 0 {
		return v
	}
	return fallback
}

func dictMap(d *astiav.Dictionary) map[string]string {
	m := map[string]string{}
	if d == nil {
		return m
	}
	var e *astiav.DictionaryEntry
	for len(m) < 200 {
		if e = d.Get("", e, astiav.NewDictionaryFlags(astiav.DictionaryFlagIgnoreSuffix)); e == nil {
			break
		}
		m[cleanText(e.Key(), 100)] = cleanText(e.Value(), 1000)
	}
	return m
}

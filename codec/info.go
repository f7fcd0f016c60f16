package codec

import (
	"fmt"
	"strconv"
	"strings"
)

// Rational is a fraction; in JSON "num/den". The zero value means unknown.
type Rational struct{ Num, Den int64 }

// IsZero reports whether r is unknown.
func (r Rational) IsZero() bool { return r.Num == 0 || r.Den == 0 }

// Float returns the quotient, 0 when unknown. For display and comparisons, never for media time.
func (r Rational) Float() float64 {
	if r.Den == 0 {
		return 0
	}
	return float64(r.Num) / float64(r.Den)
}

// String returns "num/den", empty when unknown.
func (r Rational) String() string {
	if r.Den == 0 {
		return ""
	}
	return strconv.FormatInt(r.Num, 10) + "/" + strconv.FormatInt(r.Den, 10)
}

// MarshalText implements encoding.TextMarshaler.
func (r Rational) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (r *Rational) UnmarshalText(b []byte) error {
	if len(b) == 0 {
		*r = Rational{}
		return nil
	}
	n, d, ok := strings.Cut(string(b), "/")
	if !ok {
		d = "1"
	}
	num, err1 := strconv.ParseInt(n, 10, 64)
	den, err2 := strconv.ParseInt(d, 10, 64)
	if err1 != nil || err2 != nil || den < 0 {
		return fmt.Errorf("rational %q: want num/den", b)
	}
	*r = Rational{num, den}
	return nil
}

// Info is what a probe found. Durations are integer microseconds, rationals "num/den"; absent means unknown, never 0.
type Info struct {
	Format   Format    `json:"format"`
	Streams  []Stream  `json:"streams"`
	Chapters []Chapter `json:"chapters,omitempty"`
	Programs []Program `json:"programs,omitempty"`
	Warnings []Warning `json:"warnings,omitempty"`
	Verdict  *Verdict  `json:"verdict,omitempty"`
	// Reach tells of a source that still grows (Source.Have) which bytes its video needs, by time, both ascending.
	Reach []Reach `json:"reach,omitempty"`
}

// Reach says that a source must be there up to Bytes for its video before UntilUS, on the container's clock, to be decoded.
type Reach struct {
	UntilUS int64 `json:"until_us"`
	Bytes   int64 `json:"bytes"`
}

// Format describes the container.
type Format struct {
	Name       string            `json:"name"`
	LongName   string            `json:"long_name,omitempty"`
	Size       int64             `json:"size,omitempty"`
	DurationUS int64             `json:"duration_us,omitempty"`
	StartUS    *int64            `json:"start_us,omitempty"`
	BitRate    int64             `json:"bit_rate,omitempty"`
	Streamable bool              `json:"streamable,omitempty"` // MP4: moov before mdat
	ProbeScore int               `json:"probe_score,omitempty"`
	Tags       map[string]string `json:"tags,omitempty"`
}

// Stream describes one elementary stream. Exactly one of the typed parts is set, by Kind.
type Stream struct {
	Index           int           `json:"index"`
	ID              int           `json:"id,omitempty"`
	Kind            Kind          `json:"type"`
	Codec           string        `json:"codec"` // libav's codec name; "" when unknown
	CodecTag        string        `json:"codec_tag,omitempty"`
	Profile         string        `json:"profile,omitempty"`
	Level           int           `json:"level,omitempty"`
	BitRate         int64         `json:"bit_rate,omitempty"`
	DurationUS      int64         `json:"duration_us,omitempty"`
	StartUS         *int64        `json:"start_us,omitempty"`
	Frames          int64         `json:"frames,omitempty"`
	TimeBase        Rational      `json:"time_base,omitzero"`
	Language        string        `json:"language,omitempty"` // BCP 47
	Title           string        `json:"title,omitempty"`
	Disposition     []string      `json:"disposition,omitempty"`
	Default         bool          `json:"default,omitempty"`
	AttachedPic     bool          `json:"attached_pic,omitempty"`
	Encrypted       bool          `json:"encrypted,omitempty"`
	ExtradataSHA256 string        `json:"extradata_sha256,omitempty"`
	Video           *VideoInfo    `json:"video,omitempty"`
	Audio           *AudioInfo    `json:"audio,omitempty"`
	Subtitle        *SubtitleInfo `json:"subtitle,omitempty"`
}

// VideoInfo is a video stream's picture and timing.
type VideoInfo struct {
	Width          int        `json:"width"`
	Height         int        `json:"height"`
	CodedWidth     int        `json:"coded_width,omitempty"`
	CodedHeight    int        `json:"coded_height,omitempty"`
	SAR            Rational   `json:"sar,omitzero"`
	DAR            Rational   `json:"dar,omitzero"`
	Rotation       int        `json:"rotation,omitempty"` // degrees clockwise to show it upright: 0, 90, 180, 270
	Flip           bool       `json:"flip,omitempty"`     // mirrored horizontally, before the rotation
	PixFmt         string     `json:"pix_fmt,omitempty"`
	BitDepth       int        `json:"bit_depth,omitempty"`
	Chroma         string     `json:"chroma,omitempty"` // 4:2:0, 4:2:2, 4:4:4, 4:0:0, rgb
	FieldOrder     string     `json:"field_order,omitempty"`
	Interlaced     bool       `json:"interlaced,omitempty"` // the flag, corrected by idet where that ran
	FPSAvg         Rational   `json:"fps_avg,omitzero"`
	FPSReal        Rational   `json:"fps_real,omitzero"`
	VFR            bool       `json:"vfr,omitempty"`
	VFRStats       *VFRStats  `json:"vfr_stats,omitempty"`
	HasBFrames     int        `json:"has_b_frames,omitempty"`
	Refs           int        `json:"refs,omitempty"`
	Color          Color      `json:"color,omitzero"`
	HDR            HDR        `json:"hdr,omitzero"`
	Keyframes      *Keyframes `json:"keyframes,omitempty"`
	Alpha          bool       `json:"alpha,omitempty"`
	ClosedCaptions bool       `json:"closed_captions,omitempty"`
	// ParamSets counts distinct parameter sets in the configuration (H.264, HEVC); copying needs exactly one SPS and PPS.
	ParamSets int `json:"param_sets,omitempty"`
	// MeanBitRate and PeakBitRate (over any 2 s) come from the packet scan, bits per second.
	MeanBitRate int64 `json:"mean_bit_rate,omitempty"`
	PeakBitRate int64 `json:"peak_bit_rate,omitempty"`
}

// VFRStats are the gaps between frames in presentation order, microseconds.
type VFRStats struct {
	MinUS int64 `json:"min_us"`
	MedUS int64 `json:"med_us"`
	P95US int64 `json:"p95_us"`
	MaxUS int64 `json:"max_us"`
	// P10US is the 10th percentile gap: its inverse is the 90th percentile instantaneous frame rate.
	P10US int64 `json:"p10_us"`
	// Regular is the share, 0 to 1, of gaps within one tick or 2 % of the median.
	Regular float64 `json:"regular"`
}

// Color holds the names ffprobe prints (bt709, smpte2084, …); empty means unspecified.
type Color struct {
	Primaries string `json:"primaries,omitempty"`
	Transfer  string `json:"transfer,omitempty"`
	Matrix    string `json:"matrix,omitempty"`
	Range     string `json:"range,omitempty"` // tv or pc
	Chroma    string `json:"chroma_location,omitempty"`
}

// HDR says which high dynamic range system a picture uses.
type HDR struct {
	Kind      string `json:"kind,omitempty"` // none, hlg, pq, hdr10, hdr10plus, dv
	DVProfile int    `json:"dv_profile,omitempty"`
	DVCompat  int    `json:"dv_compat,omitempty"` // base layer compatibility id; 0 = none
	Mastering string `json:"mastering,omitempty"`
	MaxCLL    int    `json:"max_cll,omitempty"`
	MaxFALL   int    `json:"max_fall,omitempty"`
}

// Keyframes summarises random access points found by the packet scan.
type Keyframes struct {
	Count       int   `json:"count"`
	MaxGapUS    int64 `json:"max_gap_us,omitempty"`
	MedianGapUS int64 `json:"median_gap_us,omitempty"`
	// Closed says that every keyframe starts a closed GOP; IDROnly that each is an IDR (by NAL type, not by flag).
	Closed  bool `json:"closed,omitempty"`
	IDROnly bool `json:"idr_only,omitempty"`
	// TimesUS are the presentation times on the container's clock, ascending.
	TimesUS []int64 `json:"times_us,omitempty"`
}

// AudioInfo is an audio stream's format.
type AudioInfo struct {
	SampleRate     int       `json:"sample_rate"`
	Channels       int       `json:"channels"`
	Layout         string    `json:"layout,omitempty"`
	SampleFmt      string    `json:"sample_fmt,omitempty"`
	BitDepth       int       `json:"bit_depth,omitempty"`
	FrameSize      int       `json:"frame_size,omitempty"`
	PrimingSamples int       `json:"priming_samples,omitempty"`
	Loudness       *Loudness `json:"loudness,omitempty"`
}

// Loudness is an EBU R 128 measurement.
type Loudness struct {
	I   float64 `json:"i"`   // integrated, LUFS
	LRA float64 `json:"lra"` // loudness range, LU
	TP  float64 `json:"tp"`  // true peak, dBTP
}

// SubtitleInfo says what kind of subtitle a stream holds.
type SubtitleInfo struct {
	Kind            string `json:"kind"` // text or bitmap
	Forced          bool   `json:"forced,omitempty"`
	HearingImpaired bool   `json:"hearing_impaired,omitempty"`
}

// Chapter is a titled span of the presentation.
type Chapter struct {
	StartUS int64  `json:"start_us"`
	EndUS   int64  `json:"end_us"`
	Title   string `json:"title,omitempty"`
}

// Program groups streams (MPEG-TS).
type Program struct {
	ID      int    `json:"id"`
	Name    string `json:"name,omitempty"`
	Streams []int  `json:"streams"`
}

// Warning is something a user should know that did not stop the work.
type Warning struct {
	Code    Code   `json:"code"`
	Message string `json:"message"`
	Stream  int    `json:"stream"` // -1 for the whole file
}

// Verdict sums up what the planner will make of the source.
type Verdict struct {
	PlayableAsIs bool        `json:"playable_as_is"`
	Passthrough  Passthrough `json:"passthrough"`
	CostCPU      float64     `json:"estimated_cost_cpu_s,omitempty"`
}

// Passthrough says whether the top rung can be copied and, if not, why.
type Passthrough struct {
	OK      bool     `json:"ok"`
	Reasons []string `json:"reasons,omitempty"`
}

// MainVideo returns the stream that the ladder is made of: the default video stream, else the largest; never a cover picture.
func (in *Info) MainVideo() *Stream {
	var best *Stream
	for i := range in.Streams {
		s := &in.Streams[i]
		if s.Kind != Video || s.AttachedPic || s.Video == nil {
			continue
		}
		if best == nil || s.Video.Width*s.Video.Height > best.Video.Width*best.Video.Height ||
			(s.Default && !best.Default && s.Video.Width*s.Video.Height == best.Video.Width*best.Video.Height) {
			best = s
		}
	}
	return best
}

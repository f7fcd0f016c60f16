package codec

import (
	"context"
	"io"
	"slices"
)

// Engine probes and transcodes media. codec/av implements it in process, codec/worker in a caged child process;
// one test suite runs against both.
type Engine interface {
	// Probe reads what src is. Errors are *Error.
	Probe(ctx context.Context, src Source, opts ProbeOpts) (Info, error)
	// Run carries out the parts of the plan that job names and hands everything made to sink, in order per track.
	// It returns when all samples were delivered, or with an *Error. Cancelling ctx makes it return ErrCancelled soon.
	Run(ctx context.Context, src Source, job Job, sink Sink) (Report, error)
}

// Source is media to read. Exactly one of Path and Reader is set.
type Source struct {
	// Path is a local file. A caged worker inherits its descriptor and never sees the path.
	Path string
	// Reader serves bytes that are not a local file; a caged worker reads them through a socket pair.
	Reader io.ReaderAt
	// Size is the length in bytes; 0 means ask the file system (Path only).
	Size int64
	// Sequential forbids seeking, for sources that still grow.
	Sequential bool
	// Have is how many bytes from the start are there, of a source that will have Size; 0 means all. To read others is an
	// *Error with code NotYet, except for the packet scan of a probe, which goes by the container's tables beyond them.
	Have int64
}

// ProbeOpts says how deep a probe goes.
type ProbeOpts struct {
	// Packets reads every packet, without decoding: true duration, frame count, frame-rate statistics, keyframe
	// times, peak bit rates. The planner needs it.
	Packets bool `json:"packets,omitempty"`
	// Idet decodes up to 200 frames of a video that may be interlaced, to verify the flag.
	Idet bool `json:"idet,omitempty"`
}

// Sink receives what a run makes. Calls come from one goroutine at a time. An error returned by the sink ends the run
// and is returned by Run, wrapped in an *Error with code sink_io or disk_full.
type Sink interface {
	// Track announces a track; it comes before the track's first sample.
	Track(t Track) error
	// Sample hands over one coded access unit in decode order. The sink must not keep s.Data after it returns.
	Sample(track int, s Sample) error
	// File hands over a small whole file, e.g. "poster.jpg", "storyboard-0.jpg", "storyboard.vtt", "subs-en.vtt".
	File(name string, data []byte) error
	// Progress reports how far the run is; at most twice a second.
	Progress(p Progress)
}

// Kind of an elementary stream.
type Kind string

// Kinds of elementary streams.
const (
	Video    Kind = "video"
	Audio    Kind = "audio"
	Subtitle Kind = "subtitle"
	Data     Kind = "data"
)

// Track describes one elementary stream that a run makes.
type Track struct {
	ID   int    `json:"id"`   // index used by Sink.Sample
	Name string `json:"name"` // RungPlan.Name or AudioPlan.Name
	Kind Kind   `json:"kind"`
	// Codec is h264, hevc, av1, vp9, aac, opus, ac3, eac3, mp3 or flac.
	Codec string `json:"codec"`
	// Config is the decoder configuration as MP4 stores it: the payload of avcC, hvcC, av1C, vpcC, dOps, dac3, dec3
	// or dfLa (ISO/IEC 14496-15 and the codecs' own ISOBMFF bindings); for AAC the AudioSpecificConfig.
	Config []byte `json:"config"`
	// Timescale is the unit of the samples' times, ticks per second.
	Timescale int64 `json:"timescale"`

	Width     int      `json:"width,omitempty"`  // video: coded pixels, square unless SAR says otherwise
	Height    int      `json:"height,omitempty"` //
	SAR       Rational `json:"sar,omitzero"`
	FrameRate Rational `json:"frame_rate,omitzero"`
	Color     Color    `json:"color,omitzero"`

	SampleRate int `json:"sample_rate,omitempty"` // audio
	Channels   int `json:"channels,omitempty"`
	// Priming counts audio samples, at SampleRate, that the encoder put before the first real one.
	Priming int `json:"priming,omitempty"`

	Language string `json:"language,omitempty"` // BCP 47
	Title    string `json:"title,omitempty"`
	Default  bool   `json:"default,omitempty"`
	// Copied says that the samples are the source's own, not re-encoded.
	Copied bool `json:"copied,omitempty"`
}

// Sample is one coded access unit. H.264 and HEVC units are length-prefixed (4 bytes); AAC units carry no ADTS header.
// Times are in the track's timescale on the output timeline, whose zero is where the presentation starts: video PTS
// starts at 0 or later; audio PTS starts at minus Priming. DTS never decreases; it may be negative and never exceeds PTS.
type Sample struct {
	PTS  int64
	DTS  int64
	Dur  int64
	Key  bool
	Data []byte
}

// Progress is how far a run is.
type Progress struct {
	// Frames is what the run's longest part has done: output video frames (of the slowest rung), else milliseconds of sound (of the slowest
	// track), else pictures of a storyboard, else milliseconds that are copied. The shorter parts before it leave it at 0.
	Frames int64 `json:"frames"`
	Total  int64 `json:"total,omitempty"` // expected; 0 when unknown
	TimeUS int64 `json:"time_us"`         // output time reached
	Bytes  int64 `json:"bytes"`           // coded bytes delivered
}

// Span is the part of a video that one task encodes: output frames [Start, End). Start is a GOP boundary.
type Span struct {
	Index int   `json:"index"`
	Start int64 `json:"start"`
	End   int64 `json:"end"` // exclusive; the last span ends at VideoPlan.Frames
	// SeekUS is the source time (the container's clock, microseconds) of a keyframe at or before Start.
	SeekUS int64 `json:"seek_us"`
}

// Job selects parts of a plan for one run. A pipeline task is a job: one span of video, or the audio, or the pictures.
type Job struct {
	Plan Plan `json:"plan"`
	// Video encodes the rungs that are not copies. Span limits it to a part, Rungs to some, by index; nil means all.
	Video bool  `json:"video,omitempty"`
	Span  *Span `json:"span,omitempty"`
	Rungs []int `json:"rungs,omitempty"`
	// Copy delivers the rungs and audio tracks that are copies.
	Copy bool `json:"copy,omitempty"`
	// Audio encodes the audio tracks that are not copies, and measures loudness.
	Audio bool `json:"audio,omitempty"`
	// Subs turns text subtitles into WebVTT files.
	Subs bool `json:"subs,omitempty"`
	// Thumbs makes poster and storyboard.
	Thumbs bool `json:"thumbs,omitempty"`
	// SelfTest opens every encoder and encodes a few frames with it; the outcome is Report.Encoders. It needs no plan's parts.
	SelfTest bool `json:"self_test,omitempty"`
	// Tokens is the number of cores the job may use; 0 means 1.
	Tokens int `json:"tokens,omitempty"`
	// Safe is the second try after a crash: one thread, no copies, no seeking.
	Safe bool `json:"safe,omitempty"`
	// Fault injects a failure for tests: "segv", "abort", "hang", "oom"; honoured only when the worker allows it.
	Fault string `json:"fault,omitempty"`
}

// Encodes says whether the job encodes rung i of its plan's video.
func (j *Job) Encodes(i int) bool {
	return j.Video && !j.Plan.Video.Rungs[i].Copy && (j.Rungs == nil || slices.Contains(j.Rungs, i))
}

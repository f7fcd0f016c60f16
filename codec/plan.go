package codec

// PlanVersion is the version of the Plan structure; a worker refuses another.
const PlanVersion = 1

// Request is what the user wants made, before it meets the source.
type Request struct {
	Ladder []RungSpec `json:"ladder"`
	Audio  AudioSpec  `json:"audio"`
	Subs   bool       `json:"subs"`   // text subtitles become WebVTT
	Thumbs ThumbSpec  `json:"thumbs"` //
	Policy Policy     `json:"policy"`
}

// RungSpec is one wished step of the ladder.
type RungSpec struct {
	Name    string  `json:"name"`              // e.g. "1080p"; must be unique
	Height  int     `json:"height"`            // short side of the upright picture, pixels
	Codec   string  `json:"codec,omitempty"`   // h264 (default), hevc, av1, vp9
	MaxRate int64   `json:"max_rate"`          // bits per second; bufsize is twice that
	CRF     float64 `json:"crf,omitempty"`     // 0 means the codec's default
	Preset  string  `json:"preset,omitempty"`  // encoder's own name
	Profile string  `json:"profile,omitempty"` // e.g. high, main
}

// AudioSpec is the wished audio renditions, made for every language track.
type AudioSpec struct {
	Renditions []AudioRendition `json:"renditions"`
	// KeepSurround adds an AAC 384k 5.1 rendition for tracks that have it.
	KeepSurround bool `json:"keep_surround,omitempty"`
}

// AudioRendition is one audio encoding.
type AudioRendition struct {
	Codec    string `json:"codec"` // aac, opus
	BitRate  int64  `json:"bit_rate"`
	Channels int    `json:"channels"`
}

// ThumbSpec says which pictures to make.
type ThumbSpec struct {
	Poster     bool `json:"poster"`
	Storyboard bool `json:"storyboard"`
}

// Policy bounds and steers planning.
type Policy struct {
	NoPassthrough bool `json:"no_passthrough,omitempty"`
	// MaxCopyGOPUS is the longest keyframe distance of a copied rung; 0 means 5 s.
	MaxCopyGOPUS int64 `json:"max_copy_gop_us,omitempty"`
	KeepVFR      bool  `json:"keep_vfr,omitempty"`
	SilentTrack  bool  `json:"silent_track,omitempty"`
	// SpanUS is the wished length of a video task; 0 means 60 s. Sources under twice that are one task.
	SpanUS int64 `json:"span_us,omitempty"`
	// Limits on what is accepted; 0 means the default.
	MaxPixels     int64 `json:"max_pixels,omitempty"`      // per frame; default 8192×4352
	MaxDurationUS int64 `json:"max_duration_us,omitempty"` // default 24 h
	MaxStreams    int   `json:"max_streams,omitempty"`     // default 64
	// MemoryBytes is what the machines that will carry the plan out have for media work; 0 means enough. Where it does not
	// hold two lanes, one decoder serves all rungs (ChunkPolicy.Mode "rung").
	MemoryBytes int64 `json:"memory_bytes,omitempty"`
	// Tokens is how many cores a job may get on the machines that will carry the plan out; 0 means not known.
	Tokens int `json:"tokens,omitempty"`
	// Preset overrides the x264 preset of all rungs.
	Preset string `json:"preset,omitempty"`
	// FromUS and LengthUS select a part of the source's presentation, to the frame: nothing is copied then. LengthUS 0 means to
	// the end.
	FromUS   int64 `json:"from_us,omitempty"`
	LengthUS int64 `json:"length_us,omitempty"`
	// Deterministic pins the encoder's instruction set so that outputs are byte-identical (tests).
	Deterministic bool `json:"deterministic,omitempty"`
}

// Plan is complete and explicit: the planner's output is the worker's input, and nothing is decided after it.
type Plan struct {
	Version int `json:"version"`
	// OriginUS is the time on the container's clock that becomes 0 on the output timeline.
	OriginUS   int64       `json:"origin_us"`
	DurationUS int64       `json:"duration_us"` // of the presentation
	Format     string      `json:"format"`      // demuxer that the probe chose; the worker opens with this one only
	Video      *VideoPlan  `json:"video,omitempty"`
	Audio      []AudioPlan `json:"audio,omitempty"`
	Subs       []SubPlan   `json:"subs,omitempty"`
	Thumbs     *ThumbPlan  `json:"thumbs,omitempty"`
	Spans      []Span      `json:"spans,omitempty"` // the video tasks, covering all frames
	Chunks     ChunkPolicy `json:"chunks,omitzero"`
	Limits     Limits      `json:"limits,omitzero"`
	// Discontinuities says that the source's clock may jump (MPEG-TS): the timeline fixer re-bases it.
	Discontinuities bool `json:"discontinuities,omitempty"`
}

// VideoPlan is the ladder over one source stream.
type VideoPlan struct {
	Stream int `json:"stream"`
	// FPS is the constant output frame rate. Output frame n has PTS n*FrameDur ticks of Timescale.
	FPS       Rational `json:"fps"`
	Timescale int64    `json:"timescale"`
	FrameDur  int64    `json:"frame_dur"`
	Frames    int64    `json:"frames"` // expected total on the output timeline
	// GOP is the fixed keyframe distance in frames: segment boundaries are its multiples.
	GOP int64 `json:"gop"`
	// Grid replaces GOP when a rung is a copy: keyframes of every rung are at these output frames (ascending, first 0).
	Grid []int64 `json:"grid,omitempty"`
	// VFR keeps source timestamps (Policy.KeepVFR) and forces keyframes by time.
	VFR   bool       `json:"vfr,omitempty"`
	Pre   []Op       `json:"pre,omitempty"` // applied once to each decoded frame, in order
	Rungs []RungPlan `json:"rungs"`         // descending size
	// DecodeWidth, DecodeHeight and PixFmt are the source picture as probed.
	DecodeWidth  int    `json:"decode_width"`
	DecodeHeight int    `json:"decode_height"`
	PixFmt       string `json:"pix_fmt"`
	// In is the source's colour after the untagged rule; outputs are Out.
	In  Color `json:"in"`
	Out Color `json:"out"`
}

// Op is one step applied to decoded frames. Kinds: "deinterlace" (Value "frame" or "field"), "crop" (w:h:x:y),
// "tonemap" ("pq" or "hlg", applied at the top rung's size), "rotate" (90, 180, 270 clockwise), "hflip", "alpha" (composite on black).
type Op struct {
	Kind  string `json:"kind"`
	Value string `json:"value,omitempty"`
}

// RungPlan is one rendition of the video.
type RungPlan struct {
	Name   string  `json:"name"`
	Width  int     `json:"width"`
	Height int     `json:"height"`
	From   int     `json:"from"`   // -1 source picture, else index of the rung it is scaled from
	Scaler string  `json:"scaler"` // spline36 or bicubic
	Enc    EncPlan `json:"enc,omitzero"`
	Copy   bool    `json:"copy,omitempty"` // samples of the source, not encoded
}

// EncPlan is one encoder's settings. Threads are always stated: 1, or 2 for rung mode's top rung.
type EncPlan struct {
	Codec   string            `json:"codec"` // h264, hevc, av1, vp9, aac, opus
	Encoder string            `json:"encoder"`
	Preset  string            `json:"preset,omitempty"`
	Profile string            `json:"profile,omitempty"`
	Level   string            `json:"level,omitempty"`
	CRF     float64           `json:"crf,omitempty"`
	MaxRate int64             `json:"max_rate,omitempty"`
	BufSize int64             `json:"buf_size,omitempty"`
	Threads int               `json:"threads"`
	Opts    map[string]string `json:"opts,omitempty"` // further AVOptions, all of which must be consumed
	Backend string            `json:"backend,omitempty"`
}

// AudioPlan is one audio rendition of one source track.
type AudioPlan struct {
	Stream     int      `json:"stream"` // -1 makes silence
	Name       string   `json:"name"`   // e.g. "a0-en-128k"; unique
	Copy       bool     `json:"copy,omitempty"`
	Codec      string   `json:"codec"`
	BitRate    int64    `json:"bit_rate,omitempty"`
	SampleRate int      `json:"sample_rate"`
	Channels   int      `json:"channels"`
	SourceChan int      `json:"source_channels,omitempty"`
	Pan        string   `json:"pan,omitempty"` // explicit downmix, libavfilter's pan syntax
	Language   string   `json:"language"`
	Title      string   `json:"title,omitempty"`
	Default    bool     `json:"default,omitempty"`
	Roles      []string `json:"roles,omitempty"` // main, commentary, description, …
	// DurationUS bounds the track: shorter audio is padded to it, longer is cut. 0 means as long as it is.
	DurationUS int64 `json:"duration_us,omitempty"`
	// Loudness asks for an EBU R 128 measurement in the same pass.
	Loudness bool `json:"loudness,omitempty"`
}

// SubPlan is one text subtitle stream to turn into WebVTT.
type SubPlan struct {
	Stream          int    `json:"stream"`
	Name            string `json:"name"` // file name without extension, e.g. "s0-en"
	Language        string `json:"language"`
	Title           string `json:"title,omitempty"`
	Default         bool   `json:"default,omitempty"`
	Forced          bool   `json:"forced,omitempty"`
	HearingImpaired bool   `json:"hearing_impaired,omitempty"`
}

// ThumbPlan says which pictures to cut from which stream. Files are "poster.jpg", "storyboard-N.jpg", "storyboard.vtt".
type ThumbPlan struct {
	Stream     int  `json:"stream"`
	Cover      bool `json:"cover,omitempty"` // Stream is an attached picture or a still
	Poster     bool `json:"poster,omitempty"`
	Width      int  `json:"width"` // poster size
	Height     int  `json:"height"`
	Candidates int  `json:"candidates,omitempty"`
	// Storyboard geometry; 0 columns means none.
	TileWidth  int   `json:"tile_width,omitempty"`
	TileHeight int   `json:"tile_height,omitempty"`
	Columns    int   `json:"columns,omitempty"`
	Rows       int   `json:"rows,omitempty"`
	IntervalUS int64 `json:"interval_us,omitempty"`
	DurationUS int64 `json:"duration_us,omitempty"`
	// Seek looks up the keyframe of each tile in the container's index; else all keyframes are read.
	Seek bool  `json:"seek,omitempty"`
	Pre  []Op  `json:"pre,omitempty"` // rotate, deinterlace, tonemap
	In   Color `json:"in,omitzero"`
	// FrameUS asks for nothing but the frame shown at this time of the output timeline, microseconds, as the file "frame.jpg" of
	// Width by Height pixels.
	FrameUS *int64 `json:"frame_us,omitempty"`
}

// ChunkPolicy steers how a run is cut for its lanes.
type ChunkPolicy struct {
	Mode  string `json:"mode"`  // "chunk" or "rung"
	Batch int    `json:"batch"` // frames per rung in a lane's inner loop
	MinUS int64  `json:"min_us,omitempty"`
	MaxUS int64  `json:"max_us,omitempty"`
	// FirstUS shortens the first two chunks so that playback can start early; 0 means off.
	FirstUS int64 `json:"first_us,omitempty"`
}

// Limits bound the worker that runs the plan; 0 means the worker's default.
type Limits struct {
	CPUSeconds  int64 `json:"cpu_seconds,omitempty"`
	MemoryBytes int64 `json:"memory_bytes,omitempty"`
	OutputBytes int64 `json:"output_bytes,omitempty"`
	StallUS     int64 `json:"stall_us,omitempty"`
}

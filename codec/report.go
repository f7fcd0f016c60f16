package codec

// Report is what a run did and cost.
type Report struct {
	Stages   []StageStat         `json:"stages,omitempty"`
	Tracks   []TrackStat         `json:"tracks,omitempty"`
	Warnings []Warning           `json:"warnings,omitempty"`
	CPUUS    int64               `json:"cpu_us,omitempty"` // user and system time of the worker
	WallUS   int64               `json:"wall_us"`
	PeakRSS  int64               `json:"peak_rss,omitempty"` // bytes
	Chunks   int                 `json:"chunks,omitempty"`
	Loudness map[string]Loudness `json:"loudness,omitempty"` // by AudioPlan.Name
	// FramesIn and FramesLost count decoded and undecodable source frames.
	FramesIn   int64 `json:"frames_in,omitempty"`
	FramesLost int64 `json:"frames_lost,omitempty"`
	// Encoders is the outcome of Job.SelfTest.
	Encoders []EncoderStatus `json:"encoders,omitempty"`
}

// EncoderStatus says whether an encoder works in this build and on this machine.
type EncoderStatus struct {
	Codec   string `json:"codec"`
	Encoder string `json:"encoder"`
	Tier    int    `json:"tier"`
	OK      bool   `json:"ok"`
	Error   string `json:"error,omitempty"`
}

// StageStat is the time spent in one step of the engine, summed over threads.
type StageStat struct {
	Name  string `json:"name"` // demux, decode, filter, scale, encode, write
	USecs int64  `json:"us"`
}

// TrackStat is what came out of one track.
type TrackStat struct {
	Name    string `json:"name"`
	Samples int64  `json:"samples"`
	Bytes   int64  `json:"bytes"`
	DurUS   int64  `json:"duration_us"`
}

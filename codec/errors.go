package codec

import (
	"errors"
	"time"
)

// Code names a kind of failure; it is stable and stored in the catalog.
type Code string

// The failures of the engine.
const (
	EmptyFile        Code = "empty_file"
	NotMedia         Code = "not_media"
	IncompleteUpload Code = "incomplete_upload"
	DamagedHeader    Code = "damaged_header"
	NoStreams        Code = "no_streams"
	NoVideoOrAudio   Code = "no_video_or_audio"
	UnsupportedCodec Code = "unsupported_codec"
	UnsupportedHDR   Code = "unsupported_hdr"
	Encrypted        Code = "encrypted"
	TooLarge         Code = "too_large"
	TooLong          Code = "too_long"
	TooManyStreams   Code = "too_many_streams"
	DamagedPartly    Code = "damaged_partly" // warning
	DamagedMedia     Code = "damaged_media"
	SourceIO         Code = "source_io"
	NotYet           Code = "not_yet" // of a source that still grows
	SinkIO           Code = "sink_io"
	DiskFull         Code = "disk_full"
	Cancelled        Code = "cancelled"
	DeadlineExceeded Code = "deadline"
	Stalled          Code = "stalled"
	OutOfMemory      Code = "out_of_memory"
	MediaCrash       Code = "media_crash"
	LimitCPU         Code = "limit_cpu"
	EncoderRejected  Code = "encoder_rejected"
	EngineBug        Code = "engine_bug"
	VirusFound       Code = "virus_found"
	ScanFailed       Code = "scan_failed"

	// Warnings that only appear in Info and Report.
	TracksDropped   Code = "tracks_dropped"
	TimelineFixed   Code = "timeline_fixed"
	BitmapSubtitles Code = "bitmap_subtitles"
	RotationSnapped Code = "rotation_snapped"
	LateKeyframe    Code = "late_keyframe"
	BadDuration     Code = "bad_duration"
)

// Retry says whether trying again can help.
type Retry string

// Retry kinds.
const (
	RetryNo      Retry = "no"
	RetryBackoff Retry = "backoff"
	RetryOnce    Retry = "once" // once, in the safe plan
)

// Error is a failure of the engine. User is a sentence for people, without paths or library jargon; Detail carries the
// library's text and last log lines.
type Error struct {
	Code   Code   `json:"code"`
	Stage  string `json:"stage,omitempty"` // open, probe, plan, demux, decode, filter, encode, write, worker
	Stream int    `json:"stream"`
	User   string `json:"user,omitempty"`
	Detail string `json:"detail,omitempty"`
	AV     int    `json:"av,omitempty"` // libav's error number
	Err    error  `json:"-"`
}

// Error implements error: the code, the sentence and the detail.
func (e *Error) Error() string {
	s := string(e.Code)
	if e.Stage != "" {
		s = e.Stage + ": " + s
	}
	if e.User != "" {
		s += ": " + e.User
	}
	if e.Detail != "" {
		s += " (" + e.Detail + ")"
	}
	return s
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is matches another *Error by code, so errors.Is(err, &Error{Code: NotMedia}) works.
func (e *Error) Is(target error) bool {
	var t *Error
	return errors.As(target, &t) && t.Code == e.Code && t.Detail == "" && t.User == ""
}

// CodeOf returns the code of the first *Error in err's chain, or "".
func CodeOf(err error) Code {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

var errorTexts = map[Code]struct {
	retry Retry
	text  string
}{
	EmptyFile:        {RetryNo, "The file is empty."},
	NotMedia:         {RetryNo, "This is not a video or audio file we can read."},
	IncompleteUpload: {RetryNo, "The file is incomplete. Please upload it again."},
	DamagedHeader:    {RetryNo, "The file is damaged and cannot be opened."},
	NoStreams:        {RetryNo, "The file contains no video or sound."},
	NoVideoOrAudio:   {RetryNo, "The file contains no video or sound."},
	UnsupportedCodec: {RetryNo, "The video or audio format of this file is not supported."},
	UnsupportedHDR:   {RetryNo, "This kind of HDR video has no compatible picture that we can convert."},
	Encrypted:        {RetryNo, "The file is encrypted and cannot be converted without its keys."},
	TooLarge:         {RetryNo, "The picture is larger than the limit."},
	TooLong:          {RetryNo, "The file is longer than the limit."},
	TooManyStreams:   {RetryNo, "The file has more tracks than the limit."},
	DamagedPartly:    {RetryNo, "Parts of the file were damaged; playback may show glitches."},
	DamagedMedia:     {RetryNo, "The file is too damaged to convert."},
	SourceIO:         {RetryBackoff, "Temporary storage problem while reading."},
	NotYet:           {RetryBackoff, "The rest of the file has not arrived yet."},
	SinkIO:           {RetryBackoff, "Temporary storage problem while writing."},
	DiskFull:         {RetryBackoff, "The storage is full."},
	Cancelled:        {RetryNo, "The work was cancelled."},
	DeadlineExceeded: {RetryBackoff, "The work took longer than allowed."},
	Stalled:          {RetryBackoff, "The work made no progress and was stopped."},
	OutOfMemory:      {RetryOnce, "This file cannot be processed safely."},
	MediaCrash:       {RetryOnce, "This file cannot be processed safely."},
	LimitCPU:         {RetryOnce, "This file cannot be processed safely."},
	EncoderRejected:  {RetryNo, "Internal error while setting up the conversion."},
	EngineBug:        {RetryNo, "Internal error while converting."},
	VirusFound:       {RetryNo, "The file is infected. It was put aside and is not published."},
	ScanFailed:       {RetryBackoff, "The file could not be scanned for viruses."},
}

// RetryFor returns whether work that failed with c is worth trying again.
func RetryFor(c Code) Retry {
	if t, ok := errorTexts[c]; ok {
		return t.retry
	}
	return RetryNo
}

// UserText returns the default sentence for c.
func UserText(c Code) string { return errorTexts[c].text }

// NewError makes an *Error with the default sentence.
func NewError(c Code, stage, detail string, cause error) *Error {
	return &Error{Code: c, Stage: stage, Stream: -1, User: UserText(c), Detail: detail, Err: cause}
}

// ErrorCode returns the stable name of the failure, for whoever stores it.
func (e *Error) ErrorCode() string { return string(e.Code) }

// UserText returns the sentence for people.
func (e *Error) UserText() string {
	if e.User != "" {
		return e.User
	}
	return UserText(e.Code)
}

// RetryAfter reports whether the same work is worth another try; how long to wait is the caller's choice. What is worth
// one try in the safe plan has had it from the worker pool already.
func (e *Error) RetryAfter() (bool, time.Duration) { return RetryFor(e.Code) == RetryBackoff, 0 }

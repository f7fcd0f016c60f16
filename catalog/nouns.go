package catalog

import (
	"encoding/json"
	"errors"
	"slices"
	"time"
)

// Identities. Ids of entries and assets have the form "0_" and eight characters of a–z0–9.
type (
	AccountID int64
	EntryID   string
	AssetID   string
	TaskID    int64
	// UploadTokenID has the form "0_" and 32 lower-case hexadecimal digits.
	UploadTokenID string
)

// Errors that every query wraps.
var (
	ErrNotFound = errors.New("not found")
	ErrConflict = errors.New("conflict")
	// ErrInvalid says that a value cannot be stored as given.
	ErrInvalid = errors.New("invalid value")
	// ErrFenced says that a task's lease went to someone else: the caller's result must be thrown away.
	ErrFenced = errors.New("task is no longer ours")
	// ErrCancelled says that a task was cancelled while it ran: the caller's result must be thrown away.
	ErrCancelled = errors.New("task was cancelled")
	ErrQuota     = errors.New("quota exceeded")
)

// Account is a tenant; on the wire it is a partner. Its secrets are Secrets.
type Account struct {
	ID     AccountID
	Name   string
	Status AccountStatus
	// PlayWhileProcessing lets players have an entry before all its renditions are complete.
	PlayWhileProcessing bool
	Details             AccountDetails
	CreatedAt           time.Time
	UpdatedAt           time.Time
}

// EntryStatus is the state of an entry; the values are the wire's.
type EntryStatus int

// States of an entry.
const (
	EntryErrorImporting  EntryStatus = -2
	EntryErrorConverting EntryStatus = -1
	EntryImport          EntryStatus = 0
	EntryPreconvert      EntryStatus = 1
	EntryReady           EntryStatus = 2
	EntryDeleted         EntryStatus = 3
	EntryPending         EntryStatus = 4
	EntryModerate        EntryStatus = 5
	EntryBlocked         EntryStatus = 6
	EntryNoContent       EntryStatus = 7
)

// MediaType of an entry; the values are the wire's.
type MediaType int

// Media types.
const (
	MediaVideo MediaType = 1
	MediaImage MediaType = 2
	MediaAudio MediaType = 5
)

// AssetType says what an asset is.
type AssetType string

// Asset types.
const (
	AssetFlavor     AssetType = "flavor"
	AssetThumb      AssetType = "thumb"
	AssetCaption    AssetType = "caption"
	AssetAttachment AssetType = "attachment"
	AssetStoryboard AssetType = "storyboard"
)

// AssetStatus is the state of an asset; the values are the wire's FlavorAssetStatus.
type AssetStatus int

// States of an asset.
const (
	AssetError      AssetStatus = -1
	AssetQueued     AssetStatus = 0
	AssetConverting AssetStatus = 1
	AssetReady      AssetStatus = 2
	AssetDeleted    AssetStatus = 3
	AssetImporting  AssetStatus = 7
)

// Asset is a stored object of an entry.
type Asset struct {
	ID      AssetID
	Entry   EntryID
	Account AccountID
	Type    AssetType
	Status  AssetStatus
	Version int
	// Name is unique among the assets of an entry version: "source", a rung or audio rendition name of the plan, "poster",
	// "storyboard", a subtitle name.
	Name string
	// Original says that it is the file as received (flavor params 0).
	Original bool
	// Revision counts the contents that an asset was given by hand, from 1.
	Revision int
	// Key is the object in storage (the track file, for a rendition); IndexKey its .idx object.
	Key      string
	IndexKey string
	// Parts are the chunk objects of a rendition that still grows, in order; empty once assembled.
	Parts     []Part
	Size      int64
	SHA256    string
	Container string // mp4, cmaf, jpg, vtt, …
	Codec     string // RFC 6381
	Kind      string // video, audio, text, image
	Width     int
	Height    int
	FrameRate float64
	BitRate   int64 // bits per second, mean
	Language  string
	Title     string
	Default   bool
	// Props holds what only one type needs (audio channels, storyboard geometry, loudness …), as JSON.
	Props json.RawMessage
	// ParamsID is the id of the flavor, thumbnail or caption parameters that it was made by or stands for; 0 is the source.
	ParamsID  int64
	Details   AssetDetails
	ErrorText string
	CreatedAt time.Time
	UpdatedAt time.Time
	DeletedAt time.Time
}

// AssetDetails is what the API keeps of an asset beyond what the system works with.
type AssetDetails struct {
	Tags               []string `json:"tags,omitempty"`
	Description        string   `json:"description,omitempty"`
	PartnerData        string   `json:"partner_data,omitempty"`
	PartnerDescription string   `json:"partner_description,omitempty"`
	FileExt            string   `json:"file_ext,omitempty"`
	// SourceParams names the params of the flavors that it was made from, as the wire says.
	SourceParams string `json:"source_params,omitempty"`
	// Format is the caption's or attachment's format, as on the wire.
	Format string `json:"format,omitempty"`
	// Class tells subclasses on the wire apart, such as a transcript among attachments.
	Class    string  `json:"class,omitempty"`
	FileName string  `json:"file_name,omitempty"`
	Source   string  `json:"source,omitempty"` // of a caption, as on the wire
	Usage    string  `json:"usage,omitempty"`  // of a caption, as on the wire
	Parent   AssetID `json:"parent,omitempty"`
	Accuracy float64 `json:"accuracy,omitempty"` // percent
	// Hidden keeps a caption out of players.
	Hidden      bool   `json:"hidden,omitempty"`
	Transcripts string `json:"transcripts,omitempty"`
	Provider    string `json:"provider,omitempty"`
	CuePoint    string `json:"cue_point,omitempty"`
	// Scan is what a scanner found in an original.
	Scan *AssetScan `json:"scan,omitempty"`
}

// AssetScan is the verdict of a scanner.
type AssetScan struct {
	Bytes int64     `json:"bytes"`           // that were looked at
	Virus string    `json:"virus,omitempty"` // "" for clean
	Note  string    `json:"note,omitempty"`  // why not everything was looked at
	At    time.Time `json:"at"`
}

// Unscanned says that the original of an entry's version has no verdict yet.
func Unscanned(version int, assets []Asset) bool {
	return slices.ContainsFunc(assets, func(a Asset) bool { return a.Original && a.Version == version && a.Details.Scan == nil })
}

// Part is one finished chunk of a growing rendition.
type Part struct {
	Index    int    `json:"index"`
	Key      string `json:"key"`
	IndexKey string `json:"index_key"`
	Size     int64  `json:"size"`
	// DurationMS is the media time in it; 0 means unknown.
	DurationMS int64 `json:"duration_ms,omitempty"`
}

// Stage names a kind of task.
type Stage string

// The stages of video on demand.
const (
	// StageFetch downloads what StageImport otherwise finds on disk.
	StageFetch Stage = "fetch"
	// StageEarly plans what is made of a source while its upload arrives; StageFollow makes its sound and its copies meanwhile.
	StageEarly  Stage = "early"
	StageFollow Stage = "follow"
	StageImport Stage = "import"
	// StageScan looks for viruses in an original; only where a scanner is configured.
	StageScan Stage = "scan"
	// StageClip cuts an entry's original out of a longer source.
	StageClip Stage = "clip"
	// StageAdopt makes a rendition of a file that came as one.
	StageAdopt     Stage = "adopt"
	StageProbe     Stage = "probe"
	StagePlan      Stage = "plan"
	StageTranscode Stage = "transcode"
	StageAssemble  Stage = "assemble"
	StageThumbs    Stage = "thumbs"
	StageCaptions  Stage = "captions"
	StageFinish    Stage = "finish"
)

// Stages returns the stages of video on demand, in the order an entry passes them.
func Stages() []Stage {
	return []Stage{
		StageFetch, StageEarly, StageFollow, StageImport, StageScan, StageClip, StageAdopt, StageProbe, StagePlan, StageTranscode, StageAssemble, StageThumbs, StageCaptions, StageFinish,
	}
}

// TaskState is where a task stands.
type TaskState string

// States of a task. Waiting tasks have unfinished predecessors; a dead task is kept with its reason until it is retried
// or deleted.
const (
	TaskWaiting   TaskState = "waiting"
	TaskRunnable  TaskState = "runnable"
	TaskQueued    TaskState = "queued" // announced on the stream
	TaskRunning   TaskState = "running"
	TaskDone      TaskState = "done"
	TaskDead      TaskState = "dead"
	TaskCancelled TaskState = "cancelled"
)

// Task is a row of work.
type Task struct {
	ID      TaskID
	Account AccountID
	Entry   EntryID
	Stage   Stage
	// Name tells tasks of one stage apart, e.g. "video 3/12"; with Entry, Version and Stage it is unique.
	Name    string
	Version int
	State   TaskState
	// Priority orders the tasks of one account: lower runs first.
	Priority int
	// Optional says that the entry can do without: when the task dies, its successors run all the same.
	Optional bool
	// Asset, when set, is what the task makes: when it dies, the asset fails and not the entry.
	Asset AssetID
	// Upload, when set, is the upload whose bytes the task works on while they arrive, and NeedsBytes how many must be there
	// before it can; 0 when they are.
	Upload     UploadTokenID
	NeedsBytes int64
	// Blockers counts unfinished predecessors, and bytes that are not there as one.
	Blockers int
	// Attempt counts claims; it is the fencing token of the running one.
	Attempt int
	// Forgiven counts the claims that are not held against MaxAttempts: those given back, and those before a manual retry.
	Forgiven    int
	MaxAttempts int
	Payload     json.RawMessage
	Result      json.RawMessage
	Worker      string
	LeaseUntil  time.Time
	NotBefore   time.Time
	// Done and Total are progress in the stage's own unit; Total 0 means unknown.
	Done  int64
	Total int64
	// Weight is the share of the entry's whole work, for its progress bar; any unit.
	Weight     int64
	Bytes      int64
	ErrorCode  string
	ErrorText  string
	CreatedAt  time.Time
	QueuedAt   time.Time
	StartedAt  time.Time
	FinishedAt time.Time
}

// NewTask is a task to be made, with the tasks of the same call that must be done before it.
type NewTask struct {
	Stage       Stage
	Name        string
	Priority    int
	MaxAttempts int // 0 means 5
	Payload     any // encoded as JSON
	Weight      int64
	// Optional says that the entry can do without the task.
	Optional bool
	// Asset is what the task makes, when that is one asset of many: when the task dies, the asset fails with it and the other
	// tasks of the asset are cancelled, but not the entry, unless nothing else is left that could make it ready.
	Asset AssetID
	// Upload is the unfinished upload whose bytes the task works on; with NeedsBytes it waits until so many are there.
	Upload     UploadTokenID
	NeedsBytes int64
	// After holds indexes of predecessors in the same slice, each lower than the task's own; AfterTasks ids of existing
	// tasks, which no longer hold anything back once done.
	After      []int
	AfterTasks []TaskID
}

// Event is a fact that left the catalog through the outbox.
type Event struct {
	Seq     int64  // strictly increasing
	Name    string // e.g. "entry.ready"
	Account AccountID
	Entry   EntryID
	Object  string // id of what changed: an entry, an asset, a task
	Data    json.RawMessage
	At      time.Time
}

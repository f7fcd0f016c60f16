package console

import (
	"encoding/json"
	"strconv"
	"time"

	"sluice/catalog"
)

// The shapes of the JSON interface. Times are RFC 3339 in UTC, null when they have not come; sizes are bytes, rates bits a
// second, durations milliseconds.

type entryView struct {
	ID          catalog.EntryID   `json:"id"`
	Account     catalog.AccountID `json:"account"`
	Name        string            `json:"name"`
	Description string            `json:"description"`
	ReferenceID string            `json:"reference_id"`
	Tags        []string          `json:"tags"`
	MediaType   string            `json:"media_type"`
	Status      string            `json:"status"`
	Version     int               `json:"version"`
	DurationMS  int64             `json:"duration_ms"`
	Width       int               `json:"width"`
	Height      int               `json:"height"`
	Size        int64             `json:"size"` // of all its stored objects
	ErrorCode   string            `json:"error_code"`
	ErrorText   string            `json:"error_text"`
	Playable    bool              `json:"playable"`
	Poster      string            `json:"poster"` // empty while there is none
	Progress    *progressView     `json:"progress"`
	PlayableAt  *time.Time        `json:"playable_at"`
	ReadyAt     *time.Time        `json:"ready_at"`
	CreatedAt   *time.Time        `json:"created_at"`
	UpdatedAt   *time.Time        `json:"updated_at"`
	Revision    int64             `json:"revision"`
}

// progressView is how far an entry's work is; the unit of Done and Total means nothing by itself.
type progressView struct {
	Done  float64       `json:"done"`
	Total float64       `json:"total"`
	Stage catalog.Stage `json:"stage"`
}

type assetView struct {
	ID        catalog.AssetID   `json:"id"`
	Type      catalog.AssetType `json:"type"`
	Status    string            `json:"status"`
	Name      string            `json:"name"`
	Original  bool              `json:"original"`
	Container string            `json:"container"`
	Codec     string            `json:"codec"`
	Kind      string            `json:"kind"`
	Width     int               `json:"width"`
	Height    int               `json:"height"`
	FrameRate float64           `json:"frame_rate"`
	BitRate   int64             `json:"bit_rate"`
	Size      int64             `json:"size"`
	Parts     int               `json:"parts"` // chunks of a rendition that still grows
	Language  string            `json:"language"`
	Title     string            `json:"title"`
	Default   bool              `json:"default"`
	ErrorText string            `json:"error_text"`
	Props     json.RawMessage   `json:"props"`
}

type taskView struct {
	ID          catalog.TaskID    `json:"id"`
	Entry       catalog.EntryID   `json:"entry_id"`
	Stage       catalog.Stage     `json:"stage"`
	Name        string            `json:"name"`
	State       catalog.TaskState `json:"state"`
	Optional    bool              `json:"optional"`
	Attempt     int               `json:"attempt"`
	MaxAttempts int               `json:"max_attempts"`
	Worker      string            `json:"worker"`
	Done        int64             `json:"done"`
	Total       int64             `json:"total"` // 0 when unknown
	Bytes       int64             `json:"bytes"`
	ErrorCode   string            `json:"error_code"`
	ErrorText   string            `json:"error_text"`
	CreatedAt   *time.Time        `json:"created_at"`
	NotBefore   *time.Time        `json:"not_before"`
	StartedAt   *time.Time        `json:"started_at"`
	FinishedAt  *time.Time        `json:"finished_at"`
}

type stageView struct {
	Stage  catalog.Stage             `json:"stage"`
	Counts map[catalog.TaskState]int `json:"counts"`
}

type workView struct {
	Stages []stageView `json:"stages"`
	Dead   int         `json:"dead"`
}

// statusNames are the states of an entry in words; the reverse of it reads the status filter.
var statusNames = map[catalog.EntryStatus]string{
	catalog.EntryErrorImporting:  "error_importing",
	catalog.EntryErrorConverting: "error_converting",
	catalog.EntryImport:          "import",
	catalog.EntryPreconvert:      "preconvert",
	catalog.EntryReady:           "ready",
	catalog.EntryDeleted:         "deleted",
	catalog.EntryPending:         "pending",
	catalog.EntryNoContent:       "no_content",
}

var assetStatusNames = map[catalog.AssetStatus]string{
	catalog.AssetError:      "error",
	catalog.AssetQueued:     "queued",
	catalog.AssetConverting: "converting",
	catalog.AssetReady:      "ready",
	catalog.AssetDeleted:    "deleted",
	catalog.AssetImporting:  "importing",
}

var mediaNames = map[catalog.MediaType]string{
	0:                  "unknown", // until the probe
	catalog.MediaVideo: "video",
	catalog.MediaImage: "image",
	catalog.MediaAudio: "audio",
}

// named is a value's name, or its number for one that this version does not know.
func named[T ~int](names map[T]string, v T) string {
	if name, ok := names[v]; ok {
		return name
	}
	return strconv.Itoa(int(v))
}

func viewEntry(e catalog.Entry, assets []catalog.Asset, links []Link, progress *catalog.Progress) entryView {
	v := entryView{
		ID: e.ID, Account: e.Account, Name: e.Name, Description: e.Description, ReferenceID: e.ReferenceID, Tags: e.Tags,
		MediaType: named(mediaNames, e.MediaType), Status: named(statusNames, e.Status), Version: e.Version,
		DurationMS: e.DurationMS, Width: e.Width, Height: e.Height, ErrorCode: e.ErrorCode, ErrorText: e.ErrorText,
		Playable: playable(e), PlayableAt: stamp(e.PlayableAt), ReadyAt: stamp(e.ReadyAt),
		CreatedAt: stamp(e.CreatedAt), UpdatedAt: stamp(e.UpdatedAt), Revision: e.Revision,
	}
	if v.Tags == nil {
		v.Tags = []string{}
	}
	for _, a := range assets {
		v.Size += stored(a)
	}
	for _, l := range links {
		if l.Kind == LinkPoster {
			v.Poster = l.URL
			break
		}
	}
	if progress != nil {
		v.Progress = viewProgress(*progress)
	}
	return v
}

func viewProgress(p catalog.Progress) *progressView {
	return &progressView{Done: p.Done, Total: p.Total, Stage: p.Stage}
}

// stored is how many bytes an asset takes, also while it grows.
func stored(a catalog.Asset) int64 {
	if a.Status == catalog.AssetDeleted {
		return 0
	}
	if len(a.Parts) == 0 {
		return a.Size
	}
	var sum int64
	for _, p := range a.Parts {
		sum += p.Size
	}
	return sum
}

func viewAsset(a catalog.Asset) assetView {
	return assetView{
		ID: a.ID, Type: a.Type, Status: named(assetStatusNames, a.Status), Name: a.Name, Original: a.Original,
		Container: a.Container, Codec: a.Codec, Kind: a.Kind, Width: a.Width, Height: a.Height, FrameRate: a.FrameRate,
		BitRate: a.BitRate, Size: stored(a), Parts: len(a.Parts), Language: a.Language, Title: a.Title, Default: a.Default,
		ErrorText: a.ErrorText, Props: rawJSON(a.Props),
	}
}

func viewTask(t catalog.Task) taskView {
	return taskView{
		ID: t.ID, Entry: t.Entry, Stage: t.Stage, Name: t.Name, State: t.State, Optional: t.Optional, Attempt: t.Attempt,
		MaxAttempts: t.MaxAttempts, Worker: t.Worker, Done: t.Done, Total: t.Total, Bytes: t.Bytes, ErrorCode: t.ErrorCode,
		ErrorText: t.ErrorText, CreatedAt: stamp(t.CreatedAt), NotBefore: stamp(t.NotBefore), StartedAt: stamp(t.StartedAt),
		FinishedAt: stamp(t.FinishedAt),
	}
}

func viewTasks(tasks []catalog.Task) []taskView {
	views := make([]taskView, len(tasks))
	for i, t := range tasks {
		views[i] = viewTask(t)
	}
	return views
}

// viewWork lists the stages in the order in which an entry goes through them, unknown ones after the known.
func viewWork(counts map[catalog.Stage]map[catalog.TaskState]int) workView {
	w := workView{Stages: []stageView{}}
	for _, stage := range stageOrder(counts) {
		w.Stages = append(w.Stages, stageView{Stage: stage, Counts: counts[stage]})
		w.Dead += counts[stage][catalog.TaskDead]
	}
	return w
}

// rawJSON is stored JSON to be sent on: null when it is missing or, after a mistake elsewhere, not JSON.
func rawJSON(b []byte) json.RawMessage {
	if !json.Valid(b) {
		return json.RawMessage("null")
	}
	return b
}

func stamp(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

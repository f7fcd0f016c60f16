package console

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"sluice/catalog"
	"sluice/ingest/manifest"
)

// Catalog is what the console needs of *catalog.DB.
type Catalog interface {
	ListEntries(ctx context.Context, f catalog.EntryFilter) ([]catalog.Entry, int, error)
	EntryByID(ctx context.Context, id catalog.EntryID) (catalog.Entry, error)
	DeleteEntry(ctx context.Context, id catalog.EntryID) error
	RetryEntry(ctx context.Context, id catalog.EntryID) (int, error)
	Assets(ctx context.Context, entry catalog.EntryID, types ...catalog.AssetType) ([]catalog.Asset, error)
	AssetsOf(ctx context.Context, entries []catalog.EntryID, types ...catalog.AssetType) (map[catalog.EntryID][]catalog.Asset, error)
	Progress(ctx context.Context, entries ...catalog.EntryID) (map[catalog.EntryID]catalog.Progress, error)

	Tasks(ctx context.Context, entry catalog.EntryID) ([]catalog.Task, error)
	ListTasks(ctx context.Context, f catalog.TaskFilter) ([]catalog.Task, int, error)
	RetryDead(ctx context.Context, id catalog.TaskID) error
	TaskCounts(ctx context.Context) (map[catalog.Stage]map[catalog.TaskState]int, error)

	UploadTokens(ctx context.Context, account catalog.AccountID, q catalog.Query) ([]catalog.UploadToken, int, error)

	AnyDropFolders(ctx context.Context) ([]catalog.DropFolder, error)
	CountDropFolderFiles(ctx context.Context, folders ...catalog.DropFolderID) (map[catalog.DropFolderID]map[catalog.DropFolderFileStatus]int, error)
	AnyDropFolderFiles(ctx context.Context, q catalog.Query) ([]catalog.DropFolderFile, int, error)
	AnyDropFolderFile(ctx context.Context, id catalog.DropFolderFileID) (catalog.DropFolderFile, error)

	Events(ctx context.Context, after int64, limit int) ([]catalog.Event, error)
	LastEvent(ctx context.Context) (int64, error)
}

// FolderOperator is what operators do with files of drop folders; dropfolder.Operator does it.
type FolderOperator interface {
	Retry(ctx context.Context, f catalog.DropFolderFile) (catalog.DropFolderFile, error)
	Ignore(ctx context.Context, f catalog.DropFolderFile) (catalog.DropFolderFile, error)
	Delete(ctx context.Context, f catalog.DropFolderFile) (catalog.DropFolderFile, error)
}

// Config says what a Console shows and how it behaves. Only Catalog is required.
type Config struct {
	Catalog Catalog
	// Play lists where the outputs of an entry can be had; nil means LocalLinks.
	Play func(catalog.Entry, []catalog.Asset) []Link
	// PlayOrigins are other origins (scheme://host[:port]) that Play's addresses point to; the pages may fetch media from
	// them. Empty when this server delivers.
	PlayOrigins []string
	// Probe finds what the probe of an entry's source found, as JSON; nil means the result of its probe task.
	Probe func(catalog.Entry, []catalog.Asset, []catalog.Task) []byte
	// System reports the health of the process; nil reports only the version.
	System func(context.Context) System
	// Uploads takes files in at /v1/uploads/tus/, with that path stripped, for Account; nil when this server takes none.
	Uploads http.Handler
	// Account owns what comes in by these pages: uploads and documents.
	Account catalog.AccountID
	// Folders changes files of drop folders for operators; nil refuses to.
	Folders FolderOperator
	// Bulk has the bulk jobs; nil leaves them out.
	Bulk *manifest.Jobs
	// Version of the binary, for the default System.
	Version string
	// Hosts are the names under which browsers may reach the console besides loopback and plain IP addresses. A name that
	// is not listed is refused, so that a stranger's domain rebound to our address learns nothing. "*" lifts the check.
	Hosts []string
	// Poll is how often the catalog is asked for changes while somebody listens; 0 means 500 ms. It is also the shortest
	// time between two updates to one browser.
	Poll time.Duration
	// Heartbeat is the longest silence of an event stream; 0 means 15 s.
	Heartbeat time.Duration
	// MaxStreams bounds the event streams open at once; 0 means 64.
	MaxStreams int
	// Logger defaults to slog.Default.
	Logger *slog.Logger
	// Assets is the built web application; nil means the one in the binary.
	Assets fs.FS
}

// Defaults of Config.
const (
	defaultPoll       = 500 * time.Millisecond
	defaultHeartbeat  = 15 * time.Second
	defaultMaxStreams = 64
)

// complete fills in the defaults and refuses what cannot work, by name.
func (c Config) complete() (Config, error) {
	if c.Catalog == nil {
		return c, errors.New("console: Catalog is missing")
	}
	if c.Play == nil {
		c.Play = LocalLinks
	}
	if c.Probe == nil {
		c.Probe = probeResult
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if c.Assets == nil {
		c.Assets = embedded()
	}
	for _, origin := range c.PlayOrigins {
		u, err := url.Parse(origin)
		if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || strings.ContainsAny(origin, " ;,'") ||
			u.Path != "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
			return c, fmt.Errorf("console: PlayOrigins: %q is not an origin such as https://cdn.example.com", origin)
		}
	}
	if c.Poll < 0 || c.Heartbeat < 0 || c.MaxStreams < 0 {
		return c, fmt.Errorf("console: Poll %v, Heartbeat %v and MaxStreams %d must not be negative", c.Poll, c.Heartbeat, c.MaxStreams)
	}
	if c.Poll == 0 {
		c.Poll = defaultPoll
	}
	if c.Heartbeat == 0 {
		c.Heartbeat = defaultHeartbeat
	}
	if c.MaxStreams == 0 {
		c.MaxStreams = defaultMaxStreams
	}
	return c, nil
}

// probeResult is the result of the entry's last finished probe.
func probeResult(_ catalog.Entry, _ []catalog.Asset, tasks []catalog.Task) []byte {
	var found []byte
	for _, t := range tasks {
		if t.Stage == catalog.StageProbe && t.State == catalog.TaskDone && len(t.Result) > 0 {
			found = t.Result
		}
	}
	return found
}

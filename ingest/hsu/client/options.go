package client

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"path"
	"strings"
	"time"

	"sluice/ingest/hsu"
)

// Errors that end an upload. Each is returned wrapped with what happened.
var (
	ErrUsage   = errors.New("wrong usage")
	ErrFailed  = errors.New("some files failed")
	ErrAuth    = errors.New("not authorized")
	ErrQuota   = errors.New("no room")
	ErrNetwork = errors.New("the server cannot be reached")
)

// Options are what an upload needs; Server, Paths and either Session or Partner and Secret are required.
type Options struct {
	// Server is the URL of the server. Only a server of this machine may be spoken to without TLS.
	Server string
	// Session is a session of the API; without it one is started with Partner's Secret, for User, an administrator's with Admin.
	Session string
	Partner int64
	Secret  string
	User    string
	Admin   bool
	// Fingerprint is the SHA-256 of the server's certificate, in hex, when no authority vouches for it.
	Fingerprint string

	// Paths are files and, with Recursive, folders. Exclude are globs of names, or of paths below a folder, to leave out.
	Paths     []string
	Recursive bool
	Exclude   []string

	// Open says what the files are for and how they share the account's link.
	Open hsu.Open
	// Streams fixes the number of connections; 0 lets it follow what they achieve.
	Streams int
	// Watch goes on with what appears in the folders until the context ends.
	Watch bool
	// Growing sends files while they grow; a file is complete when it did not change for Quiet.
	Growing bool
	Quiet   time.Duration
	// Resume goes on with an earlier upload of the same paths to the same place.
	Resume bool
	// Once gives up at the first failure of the network.
	Once bool
	// StateDir is where unfinished uploads are remembered.
	StateDir string
	// Congestion is the congestion control that connections ask for; "" for bbr where the system has it.
	Congestion string

	// Progress, when set, is called each second; Done for each file that ended. They must return soon.
	Progress func(Progress)
	Done     func(Result)
	// Log, when set, is told what goes wrong and is tried again.
	Log func(format string, args ...any)
}

// DefaultQuiet is how long a growing file must rest to be complete.
const DefaultQuiet = 5 * time.Second

// Result is a file that ended.
type Result struct {
	Path string `json:"path"`
	Size int64  `json:"size"`
	// Entry is what it became, unless it went to a drop folder; Digest its hsu.Root.
	Entry  string `json:"entry,omitempty"`
	Digest string `json:"digest,omitempty"`
	// Error is why it failed; "" when it is done.
	Error string `json:"error,omitempty"`
}

// Progress is how an upload stands.
type Progress struct {
	Files  int   `json:"files"`
	Done   int   `json:"done"`
	Failed int   `json:"failed"`
	Bytes  int64 `json:"bytes"` // acknowledged, of Total
	Total  int64 `json:"total"`
	// Sent counts bytes written to streams, with what was sent again; Skipped those that the server had.
	Sent    int64 `json:"sent"`
	Skipped int64 `json:"skipped"`
	// Rate is what was acknowledged in the last seconds, in bits a second.
	Rate    int64         `json:"rate"`
	Elapsed time.Duration `json:"elapsed_ns"`
	// Left is how long it takes yet at this rate; 0 when that is not known.
	Left    time.Duration `json:"left_ns"`
	Streams int           `json:"streams"`
	// Slow is what holds it up: one of hsu's reasons.
	Slow string `json:"slow,omitempty"`
	// Cap is the account's, in bits a second, shared by Transfers; 0 for none.
	Cap       int64 `json:"cap,omitempty"`
	Transfers int   `json:"transfers,omitempty"`
}

// check says what of the options cannot be.
func (o *Options) check() error {
	u, err := url.Parse(o.Server)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return fmt.Errorf("%w: the server %q is not an https:// URL", ErrUsage, o.Server)
	}
	if u.Scheme == "http" && !loopback(u.Hostname()) {
		return fmt.Errorf("%w: %s is another machine, and the files would travel in the clear: use https://", ErrUsage, u.Host)
	}
	switch {
	case o.Session == "" && (o.Partner == 0 || o.Secret == ""):
		return fmt.Errorf("%w: a session of the API is needed, or a partner's id and secret", ErrAuth)
	case len(o.Paths) == 0:
		return fmt.Errorf("%w: no paths", ErrUsage)
	case o.Watch && !o.Recursive:
		return fmt.Errorf("%w: watching needs folders, and -r", ErrUsage)
	case o.Watch && o.Growing:
		return fmt.Errorf("%w: a watched folder's files are sent when they rest: growing does not go with it", ErrUsage)
	case o.Streams < 0 || o.Streams > maxStreams:
		return fmt.Errorf("%w: %d streams are not 0 to %d", ErrUsage, o.Streams, maxStreams)
	}
	for _, glob := range o.Exclude {
		if _, err := path.Match(glob, ""); err != nil {
			return fmt.Errorf("%w: exclude %q: %w", ErrUsage, glob, err)
		}
	}
	if o.Quiet <= 0 {
		o.Quiet = DefaultQuiet
	}
	if o.Log == nil {
		o.Log = func(string, ...any) {}
	}
	o.Server = strings.TrimRight(o.Server, "/")
	return nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

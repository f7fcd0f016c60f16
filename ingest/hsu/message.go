package hsu

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Path is where the protocol's requests begin.
const Path = "/hsu/v1/sessions"

// Limits of requests.
const (
	// MaxFiles bounds the files that are declared at a time, MaxPath the bytes of a path.
	MaxFiles = 1000
	MaxPath  = 4096
	// MaxWait bounds how long a report waits for news.
	MaxWait = 10 * time.Second
)

// Policy says how a session shares its account's link.
type Policy string

// Policies: an equal part, two parts, a quarter of a part, or an exact rate where the account's cap allows it.
const (
	Fair  Policy = "fair"
	High  Policy = "high"
	Low   Policy = "low"
	Fixed Policy = "fixed"
)

// Open asks for a session.
type Open struct {
	// Folder is the drop folder that the files go to, Prefix the sub-folder in it; or Entry is the entry whose content the one
	// file becomes, in place of what it has with Replace. With neither each file becomes an entry.
	Folder  int64  `json:"folder,omitempty"`
	Prefix  string `json:"prefix,omitempty"`
	Entry   string `json:"entry,omitempty"`
	Replace bool   `json:"replace,omitempty"`
	// Metadata describes the entries that are made.
	Metadata *Metadata `json:"metadata,omitempty"`
	Policy   Policy    `json:"policy,omitempty"`
	// Rate, in bits a second, is what the session never exceeds; 0 for no such bound.
	Rate int64 `json:"rate,omitempty"`
	// Size is the sum of the files as far as it is known, for what has to be refused early.
	Size int64 `json:"size,omitempty"`
}

// Metadata describes entries. Without a name, entries are named after their files.
type Metadata struct {
	Name              string   `json:"name,omitempty"`
	Description       string   `json:"description,omitempty"`
	ReferenceID       string   `json:"referenceId,omitempty"`
	Tags              []string `json:"tags,omitempty"`
	AdminTags         []string `json:"adminTags,omitempty"`
	UserID            string   `json:"userId,omitempty"`
	ConversionProfile int64    `json:"conversionProfileId,omitempty"`
	AccessControl     int64    `json:"accessControlId,omitempty"`
	PartnerData       string   `json:"partnerData,omitempty"`
}

// Opened is a session and what it grants.
type Opened struct {
	ID string `json:"id"`
	// Token is shown in the header "Authorization: Bearer …" of everything that follows.
	Token      string    `json:"token"`
	BlockSize  int       `json:"blockSize"`
	MaxStreams int       `json:"maxStreams"`
	Policy     Policy    `json:"policy"`
	Cap        int64     `json:"cap"`  // of the account, in bits a second; 0 for none
	Rate       int64     `json:"rate"` // of the session now, in bits a second; 0 for any
	Expires    time.Time `json:"expires"`
}

// File is a file to come. Declared again, it goes on where it was; with another size or time it begins anew.
type File struct {
	Number uint32 `json:"n"`
	// Path is the file's place below what is sent, with slashes.
	Path string `json:"path"`
	// Size is -1 while the file still grows; its size is told by declaring it again.
	Size     int64 `json:"size"`
	Modified int64 `json:"modified"` // Unix nanoseconds
}

// State is the state of a file.
type State string

// States of a file: open for blocks, done, failed.
const (
	StateOpen   State = "open"
	StateDone   State = "done"
	StateFailed State = "failed"
)

// Have is what the server has of a file.
type Have struct {
	Number uint32 `json:"n"`
	State  State  `json:"state"`
	// Extents are the ranges [from, to) that need not be sent.
	Extents [][2]int64 `json:"extents,omitempty"`
	Entry   string     `json:"entry,omitempty"`
	// Digest is the Root of a file that is done, in hex.
	Digest string `json:"digest,omitempty"`
	// Error says why the file failed.
	Error string `json:"error,omitempty"`
}

// Report tells what became of files, and how the session stands.
type Report struct {
	// Instance changes when the server loads the session anew: then open files are to be declared again. Seq is to be given as
	// after= to the next report.
	Instance string `json:"instance"`
	Seq      int    `json:"seq"`
	Files    []Have `json:"files,omitempty"`
	// Cap and Rate are those of the account and of the session now, in bits a second, 0 for any; Transfers share the cap.
	Cap       int64 `json:"cap"`
	Rate      int64 `json:"rate"`
	Transfers int   `json:"transfers"`
	// Slow names what holds the session up on the server: SlowCap, SlowDisk, SlowFull; "" for nothing.
	Slow    string    `json:"slow,omitempty"`
	Expires time.Time `json:"expires"`
}

// Reasons for which a transfer is slow. The first three are the server's.
const (
	SlowCap     = "server cap"
	SlowDisk    = "server disk"
	SlowFull    = "server disk full"
	SlowRate    = "own rate"
	SlowNetwork = "network"
	SlowReading = "reading"
)

// Failure is the body of every refusal.
type Failure struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// Codes of refusals.
const (
	CodeSession   = "session"   // the session of the API or of the transfer is not valid
	CodeForbidden = "forbidden" // not for this account
	CodeExpired   = "expired"   // the transfer is over
	CodeQuota     = "quota"     // the account's quota, or the server's room, is used up
	CodeInvalid   = "invalid"   // the request makes no sense
	CodeNotFound  = "not found"
	CodeInternal  = "internal"
)

// ParseMetadata reads metadata and refuses fields that it does not know.
func ParseMetadata(b []byte) (*Metadata, error) {
	var m Metadata
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&m); err != nil {
		return nil, fmt.Errorf("metadata: %w", err)
	}
	if d.More() {
		return nil, errors.New("metadata: more than one document")
	}
	return &m, nil
}

package content

import (
	"context"
	"io"
	"time"

	"sluice/catalog"
)

// Source is where content comes from: a Token, URL, Asset, Entry, Text, File, Stream or Clips.
type Source interface{ source() }

// Token is what was, is or will be uploaded with a token. A token serves once.
type Token struct {
	ID catalog.UploadTokenID
	// SHA256, when set (hexadecimal), is what the bytes of an entry's content must have; others fail the entry when they are stored.
	SHA256 string
}

// URL is downloaded by the server.
type URL struct {
	URL string
	// Headers are sent along, each a line "Name: value".
	Headers []string
	// Later makes the download a task even where it would be done before the call returns: pictures and attachments.
	Later bool
}

// Asset is the content of another asset of the account, of any type.
type Asset struct{ ID catalog.AssetID }

// Entry is the content of another entry of the account: its original with Params 0, else the rendition of those flavor params.
type Entry struct {
	ID     catalog.EntryID
	Params int64
}

// Text is the content itself.
type Text struct{ Content string }

// File is a file on this machine. Move takes it away, otherwise it stays.
type File struct {
	Path string
	Name string // as its owner calls it; "" means as in Path
	Move bool
}

// Stream is content that came with the request. Open may be called several times.
type Stream struct {
	Name string // as the sender calls it, never a path
	Open func() (io.ReadCloser, error)
}

// Clips is made of parts of one source, in the order given, cut at the exact frame.
type Clips struct {
	Of    Source
	Parts []Clip
}

// Clip is a part of a source. Duration 0 means to the end.
type Clip struct{ Offset, Duration time.Duration }

func (Token) source()  {}
func (URL) source()    {}
func (Asset) source()  {}
func (Entry) source()  {}
func (Text) source()   {}
func (File) source()   {}
func (Stream) source() {}
func (Clips) source()  {}

// Part is the content for one of an entry's flavor params; 0 is the original, of which everything else is made. Parts with other
// params are renditions that were made elsewhere: they are taken as they are where players can have them so.
type Part struct {
	Source      Source
	AssetParams int64
}

// Options steers SetEntry.
type Options struct {
	// Replace gives an entry that has content new content in place, as its next version. Without it such an entry is refused
	// with HasContent.
	Replace bool
	// Also, when set, is run in the transaction that gives the entry its content: both happen, or neither. It may run several times.
	Also func(ctx context.Context, tx *catalog.Tx) error
}

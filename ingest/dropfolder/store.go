package dropfolder

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"sluice/catalog"
)

// Store is where a folder's files lie: a directory, or another machine. It is used by several goroutines at once.
type Store interface {
	// List calls each with all files, in batches of at most ListBatch, those of sub-folders too unless the folder is flat. The
	// slice is reused.
	List(ctx context.Context, each func([]File) error) error
	// Stat returns a file as it is now; one that is not there is fs.ErrNotExist.
	Stat(ctx context.Context, rel string) (File, error)
	// Open reads a file from an offset on.
	Open(ctx context.Context, rel string, offset int64) (io.ReadCloser, error)
	// Remove removes a file; none is fs.ErrNotExist.
	Remove(ctx context.Context, rel string) error
	Close() error
}

// ListBatch bounds the files that a Store lists at a time.
const ListBatch = 2048

// File is a file in a Store.
type File struct {
	Path    string // relative to the folder, with slashes; raw bytes
	Size    int64
	ModTime time.Time
	// Identity tells the file from another one of the same name: "device:inode", an ETag or a version; "" is unknown.
	Identity string
	// Whole says that the store shows complete files only, as S3 does.
	Whole bool
	// Odd, when set, is why this can never come in: it is no regular file, say.
	Odd Code
}

// Opener opens the store of a folder, whose Secrets are set. There is one for each type of folder. What keeps it from working is an
// *Error with one of the codes ErrConnect, ErrAuthenticate, ErrList and ErrConfig.
type Opener func(ctx context.Context, f catalog.DropFolder) (Store, error)

// FolderCode says what is wrong with a folder; the values are the wire's.
type FolderCode int

// Codes of folders.
const (
	ErrConnect      FolderCode = 1 // the other machine cannot be reached
	ErrAuthenticate FolderCode = 2 // it refuses the credentials
	ErrList         FolderCode = 3 // the files cannot be listed
	ErrCatalog      FolderCode = 4 // the files' rows cannot be read
	ErrApp          FolderCode = 5 // anything else
	ErrMatchPolicy  FolderCode = 6 // the content handler has no match policy
	ErrConfig       FolderCode = 7 // something is missing in the folder's settings
)

// Error is what keeps a folder from being watched.
type Error struct {
	Code FolderCode
	// Text says to the folder's owner what is wrong and what to do, without secrets.
	Text string
	Err  error
}

func (e *Error) Error() string {
	if e.Err == nil {
		return e.Text
	}
	return fmt.Sprintf("%s: %v", e.Text, e.Err)
}

func (e *Error) Unwrap() error { return e.Err }

// codeOf returns the code and the sentence of an error, whatever it is.
func codeOf(err error, otherwise FolderCode) (FolderCode, string) {
	var e *Error
	if errors.As(err, &e) {
		return e.Code, e.Error()
	}
	return otherwise, err.Error()
}

package content

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"sluice/catalog"
	"sluice/ingest/fetch"
	"sluice/ingest/upload"
	"sluice/pipeline/stage"
	"sluice/storage"
)

// Service gives entries and assets their content. It is safe for concurrent use, by several processes.
type Service struct {
	Catalog *catalog.DB
	Store   storage.Store
	Uploads *upload.Engine
	Fetcher *fetch.Fetcher
	// Incoming is a folder for what is stored before a call returns; on the file system of the store.
	Incoming string
	// Scanner, when set, looks at what is stored before a call returns; tasks look at the rest.
	Scanner stage.Scanner
	Log     *slog.Logger
}

// maxTries bounds how often a call starts over because an upload ended, or an entry changed, while it looked.
const maxTries = 4

// SetEntry gives an entry of the account its content. When it returns nil, the entry has the status of what happens next: Import
// while content still has to come (a URL, an unfinished upload), Preconvert when it is here, Ready for a picture that is here.
// A picture whose URL cannot be fetched leaves the entry in ErrorImporting, without an error.
//
// The parts have different params. Errors are *Error, or failures of storage or database; after any of them the entry is as it
// was, and so is the token.
func (s *Service) SetEntry(ctx context.Context, account catalog.AccountID, entry catalog.EntryID, parts []Part, opts Options) error {
	start := time.Now()
	err := s.again(func() error { return s.setEntry(ctx, account, entry, parts, opts) })
	observe("entry", start, err)
	return err
}

// SetAsset gives an asset of the account its content, the first or the next: Asset.Revision counts them. Flavors are brought in
// and made playable by tasks and are Importing until then; so is what comes from a URL or from an unfinished upload, save
// pictures and attachments from a URL, which are fetched before it returns (a failure leaves the asset in Error, without an
// error). Everything else is Ready when it returns.
//
// Content for an original is content for its entry, as SetEntry. Errors as of SetEntry.
func (s *Service) SetAsset(ctx context.Context, account catalog.AccountID, asset catalog.AssetID, src Source) error {
	start := time.Now()
	err := s.again(func() error { return s.setAsset(ctx, account, asset, src) })
	observe("asset", start, err)
	return err
}

// errMoved says that what was looked at changed before it could be used.
var errMoved = errors.New("it changed meanwhile")

func (s *Service) again(do func() error) error {
	for try := 1; ; try++ {
		err := do()
		moved := errors.Is(err, errMoved) || errors.Is(err, upload.ErrState)
		if !moved || try == maxTries {
			if errors.Is(err, upload.ErrState) {
				return &Error{Kind: TokenState, Err: err}
			}
			return err
		}
	}
}

func (s *Service) log() *slog.Logger {
	if s.Log != nil {
		return s.Log
	}
	return slog.Default()
}

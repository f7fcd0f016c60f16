package upload

import "errors"

// Errors of the engine; the catalog's ErrNotFound says that the account has no such token, its ErrQuota that it has too many,
// and storage.ErrFull that the disk is full.
var (
	ErrNoSize    = errors.New("automatic completion needs the file's size")
	ErrState     = errors.New("the token takes no more data")
	ErrNoStart   = errors.New("there is nothing to resume")
	ErrMissing   = errors.New("parts of the file are missing")
	ErrScattered = errors.New("too many parts of the file are apart")
	ErrTooLarge  = errors.New("the file is too large")
	ErrForbidden = errors.New("files of this type are refused")
	ErrChecksum  = errors.New("the bytes that came do not have the checksum that their sender gave")
	ErrDiffers   = errors.New("the chunk has other bytes than those that are here")
	ErrConflict  = errors.New("another request changed the upload")
)

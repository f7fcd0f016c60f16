package upload

import (
	"errors"

	"sluice/api/rpc"
	"sluice/catalog"
	"sluice/ingest"
	"sluice/ingest/upload"
	"sluice/storage"
)

// codes are the exceptions of the engine's errors.
var codes = []struct {
	err  error
	code string
}{
	{catalog.ErrNotFound, "UPLOAD_TOKEN_NOT_FOUND"},
	{upload.ErrNoSize, "UPLOAD_TOKEN_MISSING_FILE_SIZE"},
	{upload.ErrState, "UPLOAD_TOKEN_INVALID_STATUS_FOR_UPLOAD"},
	{upload.ErrNoStart, "UPLOAD_TOKEN_CANNOT_RESUME"},
	{upload.ErrMissing, "UPLOAD_TOKEN_CANNOT_MATCH_EXPECTED_SIZE"},
	{upload.ErrScattered, "MAX_ALLOWED_CHUNK_COUNT_EXCEEDED"},
	{upload.ErrForbidden, "UPLOAD_TOKEN_FILE_TYPE_RESTRICTED_FOR_UPLOAD"},
	{upload.ErrTooLarge, "UPLOAD_ERROR"},
	{upload.ErrChecksum, "CHUNK_CHECKSUM_MISMATCH"},
	{upload.ErrDiffers, "CHUNK_CONFLICT"},
	{upload.ErrConflict, "UPLOAD_ERROR"},
	{storage.ErrFull, "UPLOAD_ERROR"},
	{ingest.ErrName, "UPLOAD_ERROR"},
}

// failure is an error of the engine as an exception. A quota has its own for all services.
func failure(err error) error {
	for _, c := range codes {
		if errors.Is(err, c.err) {
			return rpc.E(c.code).Because(err)
		}
	}
	return err
}

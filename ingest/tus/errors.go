package tus

import (
	"errors"
	"net/http"

	"github.com/tus/tusd/v2/pkg/handler"

	"sluice/catalog"
	"sluice/ingest"
	"sluice/ingest/content"
	"sluice/ingest/upload"
	"sluice/storage"
)

// errGone says that an upload was given up.
var errGone = errors.New("the upload was given up")

// answers are what senders are told of errors.
var answers = []struct {
	err    error
	status int
	code   string
}{
	{catalog.ErrNotFound, http.StatusNotFound, "ERR_UPLOAD_NOT_FOUND"},
	{errGone, http.StatusGone, "ERR_UPLOAD_GONE"},
	{upload.ErrChecksum, 460, "ERR_CHECKSUM_MISMATCH"},
	{upload.ErrDiffers, http.StatusConflict, "ERR_CHUNK_CONFLICT"},
	{upload.ErrForbidden, http.StatusUnsupportedMediaType, "ERR_FILE_TYPE"},
	{upload.ErrTooLarge, http.StatusRequestEntityTooLarge, "ERR_MAX_SIZE_EXCEEDED"},
	{upload.ErrState, http.StatusGone, "ERR_UPLOAD_CLOSED"},
	{upload.ErrMissing, http.StatusConflict, "ERR_UPLOAD_NOT_FINISHED"},
	{upload.ErrScattered, http.StatusConflict, "ERR_TOO_MANY_PARTS"},
	{upload.ErrConflict, http.StatusConflict, "ERR_CONFLICT"},
	{ingest.ErrName, http.StatusBadRequest, "ERR_NAME"},
	{catalog.ErrInvalid, http.StatusBadRequest, "ERR_METADATA"},
	{catalog.ErrQuota, http.StatusTooManyRequests, "ERR_QUOTA"},
	{catalog.ErrConflict, http.StatusConflict, "ERR_CONFLICT"},
	{storage.ErrFull, http.StatusInsufficientStorage, "ERR_STORAGE_FULL"},
}

// kinds are what senders are told of entries that cannot take a file.
var kinds = map[content.Kind]int{
	content.NoEntry: http.StatusNotFound, content.HasContent: http.StatusConflict, content.NoToken: http.StatusNotFound,
	content.TokenState: http.StatusConflict, content.Restricted: http.StatusUnsupportedMediaType, content.NotSupported: http.StatusBadRequest,
}

// refusalOf is the answer to an error; nil for one that is not the sender's doing.
func refusalOf(err error) *Refusal {
	var r *Refusal
	if errors.As(err, &r) {
		return r
	}
	if e, ok := content.AsError(err); ok && kinds[e.Kind] != 0 {
		return &Refusal{kinds[e.Kind], "ERR_ENTRY", e.Error()}
	}
	for _, a := range answers {
		if errors.Is(err, a.err) {
			return &Refusal{a.status, a.code, err.Error()}
		}
	}
	return nil
}

// failure is an error of the store as tusd answers it.
func (s *Server) failure(q *request, err error) error {
	var known handler.Error
	if errors.As(err, &known) {
		return known
	}
	r := refusalOf(err)
	if r == nil {
		s.cfg.Logger.Error("upload request failed", "method", q.http.Method, "account", q.sender.Account, "token", q.token, "error", err)
		r = &Refusal{http.StatusInternalServerError, "ERR_INTERNAL_SERVER_ERROR", "the server failed; its log has the reason"}
	}
	return handler.NewError(r.Code, r.Text, r.Status)
}

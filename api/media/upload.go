package media

import (
	"context"
	"time"

	"sluice/api/rpc"
	"sluice/catalog"
	"sluice/ingest/upload"
)

// Uploads receives files; upload.Engine does.
type Uploads interface {
	Add(ctx context.Context, t catalog.UploadToken) (catalog.UploadToken, error)
	Upload(ctx context.Context, account catalog.AccountID, id catalog.UploadTokenID, c upload.Chunk) (catalog.UploadToken, error)
}

// maxStore is how long storing a file may take when the client is gone.
const maxStore = time.Hour

// upload takes a file in and returns the token that addFromUploadedFile takes.
func (s *Service) upload(c *rpc.Call, in struct {
	File *rpc.Upload `k:"fileData" required:"true"`
}) (string, error) {
	t, err := s.Uploads.Add(c, catalog.UploadToken{Account: c.AccountID(), User: c.User()})
	if err != nil {
		return "", rpc.E("UPLOAD_ERROR").Because(err)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c), maxStore)
	defer cancel()
	_, err = s.Uploads.Upload(ctx, c.AccountID(), t.ID, upload.Chunk{Final: true, Name: in.File.Name, Size: in.File.Size, Open: in.File.Open})
	if err != nil {
		return "", rpc.E("UPLOAD_ERROR").Because(err)
	}
	return string(t.ID), nil
}

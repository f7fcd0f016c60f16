package upload

import (
	"context"
	"errors"
	"time"

	"sluice/api/rpc"
	"sluice/api/rpc/kaltura"
	"sluice/catalog"
	"sluice/ingest"
	"sluice/ingest/upload"
)

// Service is the uploadToken service.
type Service struct {
	Catalog *catalog.DB
	Engine  *upload.Engine
}

// maxStore bounds the time in which what came with a request is stored.
const maxStore = time.Hour

// Register adds the service and its actions.
func (s *Service) Register(r *rpc.Registry) {
	svc := r.Service("uploadToken", "Files that come in, whole or in chunks.")
	rpc.Action(svc, "add", "Makes a token for a file.", s.add)
	rpc.Action(svc, "get", "Returns a token, with how much of its file is here.", s.get)
	rpc.Action(svc, "upload", "Takes the file or a chunk of it in.", s.upload)
	rpc.Action(svc, "delete", "Gives a token and what came in for it up.", s.delete)
	rpc.Action(svc, "list", "Lists tokens.", s.list)
}

func (s *Service) add(c *rpc.Call, in struct {
	UploadToken *kaltura.UploadToken `k:"uploadToken" for:"add"`
}) (*kaltura.UploadToken, error) {
	t := catalog.UploadToken{Account: c.AccountID(), User: c.User()}
	if u := in.UploadToken; u != nil {
		t.FileName, t.FileSize = kaltura.Value(u.FileName), int64(kaltura.Value(u.FileSize))
		t.AutoFinalize = u.AutoFinalize != nil && *u.AutoFinalize == rpc.True
	}
	t, err := s.Engine.Add(c, t)
	if errors.Is(err, ingest.ErrName) {
		return nil, rpc.E("INVALID_PARAMETER_VALUE", "PARAM_NAME", "fileName").Because(err)
	}
	if err != nil {
		return nil, failure(err)
	}
	return kaltura.UploadTokenOf(t, c.Base), nil
}

// token returns the token that a call names, if it may see it: users see their own.
func (s *Service) token(c *rpc.Call, id string) (catalog.UploadToken, error) {
	t, err := s.Catalog.UploadToken(c, c.AccountID(), catalog.UploadTokenID(id))
	if err == nil && (t.Status == catalog.UploadDeleted || !c.Admin() && t.User != c.User()) {
		err = catalog.ErrNotFound
	}
	if err != nil {
		return t, failure(err)
	}
	return t, nil
}

func (s *Service) get(c *rpc.Call, in struct {
	ID string `k:"uploadTokenId" ref:"uploadToken"`
}) (*kaltura.UploadToken, error) {
	t, err := s.token(c, in.ID)
	if err != nil {
		return nil, err
	}
	return kaltura.UploadTokenOf(t, c.Base), nil
}

func (s *Service) upload(c *rpc.Call, in struct {
	ID       string      `k:"uploadTokenId" ref:"uploadToken"`
	FileData *rpc.Upload `k:"fileData" required:"true"`
	Resume   bool        `k:"resume" default:"false"`
	Final    bool        `k:"finalChunk" default:"true"`
	ResumeAt float64     `k:"resumeAt" default:"-1"`
	Checksum string      `k:"chunkChecksum" default:""` // ours
}) (*kaltura.UploadToken, error) {
	t, err := s.token(c, in.ID)
	if err != nil {
		return nil, err
	}
	var sum *upload.Checksum
	if in.Checksum != "" {
		if sum, err = upload.ParseChecksum(in.Checksum); err != nil {
			return nil, rpc.E("INVALID_PARAMETER_VALUE", "PARAM_NAME", "chunkChecksum").Because(err)
		}
	}
	// What is here is worth keeping, also when the client is gone; large files take longer than calls usually may.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c), maxStore)
	defer cancel()
	t, err = s.Engine.Upload(ctx, c.AccountID(), t.ID, upload.Chunk{
		Resume: in.Resume, Final: in.Final, At: int64(in.ResumeAt), Name: in.FileData.Name, Size: in.FileData.Size, Open: in.FileData.Open,
		Checksum: sum,
	})
	if err != nil {
		return nil, failure(err)
	}
	return kaltura.UploadTokenOf(t, c.Base), nil
}

func (s *Service) delete(c *rpc.Call, in struct {
	ID string `k:"uploadTokenId" ref:"uploadToken"`
}) (rpc.Void, error) {
	t, err := s.token(c, in.ID)
	if err != nil {
		return rpc.Void{}, err
	}
	if err := s.Engine.Delete(c, c.AccountID(), t.ID); err != nil {
		return rpc.Void{}, failure(err)
	}
	return rpc.Void{}, nil
}

func (s *Service) list(c *rpc.Call, in struct {
	Filter *rpc.FilterOf[kaltura.UploadToken] `k:"filter"`
	Pager  *rpc.Pager                         `k:"pager"`
}) (*rpc.List[*kaltura.UploadToken], error) {
	var q catalog.Query
	if in.Filter != nil {
		q.Conds, q.Order = in.Filter.Conds, in.Filter.Order
		if _, named := in.Filter.Cond("fileName", catalog.OpEq); named && !in.Filter.Filters("status") {
			open := []any{int64(catalog.UploadPending), int64(catalog.UploadPartial), int64(catalog.UploadFull)}
			q.Conds = append(q.Conds, catalog.Cond{Field: "status", Op: catalog.OpIn, Values: open})
		}
	}
	if !c.Admin() {
		q.Conds = append(q.Conds, catalog.Cond{Field: "userId", Op: catalog.OpEq, Values: []any{c.User()}})
	}
	q.Offset, q.Limit = in.Pager.Page()
	tokens, total, err := s.Catalog.UploadTokens(c, c.AccountID(), q)
	if err != nil {
		return nil, err
	}
	out := &rpc.List[*kaltura.UploadToken]{TotalCount: total}
	for _, t := range tokens {
		out.Objects = append(out.Objects, kaltura.UploadTokenOf(t, c.Base))
	}
	return out, nil
}

package kaltura

import (
	"sluice/api/rpc"
	"sluice/catalog"
)

// UploadToken is a file that comes in (§5.2 of the API contract).
type UploadToken struct {
	rpc.Object
	ID                 *string            `k:"id,ro" f:"eq,in"`
	PartnerID          *int64             `k:"partnerId,ro"`
	UserID             *string            `k:"userId,ro" f:"eq"`
	Status             *UploadTokenStatus `k:"status,ro" f:"eq,in"`
	FileName           *string            `k:"fileName,io,max=255" f:"eq"`
	FileSize           *rpc.Bytes         `k:"fileSize,io" f:"eq"`
	UploadedFileSize   *rpc.Bytes         `k:"uploadedFileSize,ro"`
	CreatedAt          *rpc.Time          `k:"createdAt,ro" f:"order"`
	UpdatedAt          *rpc.Time          `k:"updatedAt,ro"`
	UploadURL          *string            `k:"uploadUrl,ro"`
	AutoFinalize       *rpc.NullBool      `k:"autoFinalize,io"`
	AttachedObjectType *string            `k:"attachedObjectType,ro"`
	AttachedObjectID   *string            `k:"attachedObjectId,ro"`
	MinimumChunkSize   *float64           `k:"minimumChunkSize,io"`
}

// UploadTokenOf is a token on the wire; chunks go to base.
func UploadTokenOf(t catalog.UploadToken, base string) *UploadToken {
	u := &UploadToken{
		ID: new(string(t.ID)), PartnerID: new(int64(t.Account)), UserID: new(t.User), Status: new(UploadTokenStatus(t.Status)),
		FileName: Opt(t.FileName), CreatedAt: At(t.CreatedAt), UpdatedAt: At(t.UpdatedAt), UploadURL: Opt(base),
		UploadedFileSize:   new(rpc.Bytes(t.Extents.Contiguous())),
		AttachedObjectType: Opt(t.AttachedType), AttachedObjectID: Opt(t.AttachedID),
	}
	if t.FileSize > 0 {
		u.FileSize = new(rpc.Bytes(t.FileSize))
	}
	if t.AutoFinalize {
		u.AutoFinalize = new(rpc.True)
	}
	return u
}

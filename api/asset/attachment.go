package asset

import (
	"sluice/api/rpc"
	"sluice/api/rpc/access"
	"sluice/api/rpc/kaltura"
	"sluice/catalog"
)

type attachmentFilter = rpc.FilterOf[kaltura.AttachmentAsset]

func (s *Service) registerAttachments(r *rpc.Registry) {
	rpc.Base[kaltura.Attachment](r, new(kaltura.AttachmentAsset))
	r.Classes(new(kaltura.TextualAttachmentAsset), new(kaltura.TranscriptAsset))
	svc := r.Service("attachment_attachmentAsset", "Files that go with entries: transcripts, documents, and what else.")
	rpc.Action(svc, "add", "Adds an attachment without content.", s.attachmentAdd)
	rpc.Action(svc, "setContent", "Gives an attachment its content.", s.attachmentSetContent)
	rpc.Action(svc, "update", "Changes what is said of an attachment.", s.attachmentUpdate)
	rpc.Action(svc, "get", "Returns an attachment.", s.attachmentGet)
	rpc.Action(svc, "list", "Lists the attachments of entries.", s.attachmentList)
	rpc.Action(svc, "delete", "Deletes an attachment.", s.attachmentDelete)
	rpc.Action(svc, "getUrl", "Returns the URL of an attachment.", s.attachmentURL)
	rpc.Action(svc, "serve", "Serves an attachment.", s.attachmentServe, rpc.For(rpc.Public))
}

func (s *Service) attachmentAdd(c *rpc.Call, in struct {
	EntryID    string             `k:"entryId" ref:"entry"`
	Attachment kaltura.Attachment `k:"attachmentAsset" for:"add" required:"true"`
}) (kaltura.Attachment, error) {
	e, err := access.Entry(c, s.Catalog, in.EntryID, access.Edit)
	if err != nil {
		return nil, err
	}
	a := catalog.Asset{Type: catalog.AssetAttachment, Kind: "file"}
	in.Attachment.Apply(&a)
	if refusedExtensions[a.Details.FileExt] {
		return nil, rpc.E("ATTACHMENT_ASSET_FILE_TYPE_RESTRICTED")
	}
	if a, err = s.add(c, e, a); err != nil {
		return nil, err
	}
	return kaltura.AttachmentOf(a), nil
}

// refusedExtensions are of files that a system runs when it opens them.
var refusedExtensions = map[string]bool{
	"exe": true, "com": true, "bat": true, "cmd": true, "msi": true, "scr": true, "pif": true, "vbs": true, "ps1": true, "sh": true,
	"jar": true, "app": true, "dll": true, "php": true, "jsp": true, "hta": true, "lnk": true,
}

func (s *Service) attachmentSetContent(c *rpc.Call, in struct {
	ID       string              `k:"id" ref:"attachmentAsset"`
	Resource kaltura.AnyResource `k:"contentResource" required:"true"`
}) (kaltura.Attachment, error) {
	a, _, err := s.find(c, attachments, in.ID, access.Edit)
	if err != nil {
		return nil, err
	}
	if err := s.setContent(c, a.ID, in.Resource); err != nil {
		return nil, err
	}
	if a, err = s.Catalog.Asset(c, a.ID); err != nil {
		return nil, err
	}
	return kaltura.AttachmentOf(a), nil
}

func (s *Service) attachmentUpdate(c *rpc.Call, in struct {
	ID         string             `k:"id" ref:"attachmentAsset"`
	Attachment kaltura.Attachment `k:"attachmentAsset" for:"update" required:"true"`
}) (kaltura.Attachment, error) {
	a, _, err := s.find(c, attachments, in.ID, access.Edit)
	if err != nil {
		return nil, err
	}
	class := a.Details.Class
	a, err = s.change(c, a.ID, func(a *catalog.Asset) {
		in.Attachment.Apply(a)
		a.Details.Class = class // an attachment stays what it was made as
	})
	if err != nil {
		return nil, err
	}
	return kaltura.AttachmentOf(a), nil
}

func (s *Service) attachmentGet(c *rpc.Call, in struct {
	ID string `k:"attachmentAssetId" ref:"attachmentAsset"`
}) (kaltura.Attachment, error) {
	a, _, err := s.find(c, attachments, in.ID, access.View)
	if err != nil {
		return nil, err
	}
	return kaltura.AttachmentOf(a), nil
}

func (s *Service) attachmentList(c *rpc.Call, in struct {
	Filter *attachmentFilter `k:"filter"`
	Pager  *rpc.Pager        `k:"pager"`
}) (*rpc.List[kaltura.Attachment], error) {
	return listOf(s, c, catalog.AssetAttachment, base(in.Filter), in.Pager, kaltura.AttachmentOf)
}

func (s *Service) attachmentDelete(c *rpc.Call, in struct {
	ID string `k:"attachmentAssetId" ref:"attachmentAsset"`
}) (rpc.Void, error) {
	a, _, err := s.find(c, attachments, in.ID, access.Edit)
	if err != nil {
		return rpc.Void{}, err
	}
	return rpc.Void{}, s.remove(c, a)
}

func (s *Service) attachmentURL(c *rpc.Call, in struct {
	ID        string `k:"id" ref:"attachmentAsset"`
	StorageID *int64 `k:"storageId"`
}) (string, error) {
	a, e, err := s.find(c, attachments, in.ID, access.View)
	if err != nil {
		return "", err
	}
	if a.Status != catalog.AssetReady {
		return "", rpc.E("ATTACHMENT_ASSET_IS_NOT_READY", "ASSET_ID", in.ID)
	}
	return s.serveURL(c, e, "attachment_attachmentAsset", "attachmentAssetId", a)
}

func (s *Service) attachmentServe(c *rpc.Call, in struct {
	ID string `k:"attachmentAssetId" ref:"attachmentAsset"`
}) (*rpc.File, error) {
	a, err := s.served(c, attachments, in.ID, "ATTACHMENT_ASSET_IS_NOT_READY")
	if err != nil {
		return nil, err
	}
	name := a.Details.FileName
	if name == "" {
		name = string(a.ID)
		if a.Details.FileExt != "" {
			name += "." + a.Details.FileExt
		}
	}
	return s.file(a, "", name)
}

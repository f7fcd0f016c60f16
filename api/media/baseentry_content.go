package media

import (
	"sluice/api/rpc"
	"sluice/api/rpc/access"
	"sluice/api/rpc/kaltura"
)

func (s *Service) baseAddContent(c *rpc.Call, in struct {
	EntryID  string              `k:"entryId" ref:"entry"`
	Resource kaltura.AnyResource `k:"resource" required:"true"`
}) (kaltura.Entry, error) {
	e, err := access.Entry(c, s.Catalog, in.EntryID, access.Edit)
	if err != nil {
		return nil, err
	}
	return s.addContent(c, e, in.Resource)
}

func (s *Service) baseUpdateContent(c *rpc.Call, in struct {
	EntryID  string                           `k:"entryId" ref:"entry"`
	Resource kaltura.AnyResource              `k:"resource" required:"true"`
	Profile  *int64                           `k:"conversionProfileId" ref:"conversionProfile"`
	Options  *kaltura.EntryReplacementOptions `k:"advancedOptions"`
}) (kaltura.Entry, error) {
	e, err := access.Entry(c, s.Catalog, in.EntryID, access.Edit)
	if err != nil {
		return nil, err
	}
	return s.updateContent(c, e, in.Resource, replacement(in.Profile, in.Options))
}

func (s *Service) baseApproveReplace(c *rpc.Call, in entryRef) (kaltura.Entry, error) {
	e, err := access.Entry(c, s.Catalog, in.EntryID, access.Edit)
	if err != nil {
		return nil, err
	}
	return s.approveReplace(c, e)
}

func (s *Service) baseCancelReplace(c *rpc.Call, in entryRef) (kaltura.Entry, error) {
	e, err := access.Entry(c, s.Catalog, in.EntryID, access.Edit)
	if err != nil {
		return nil, err
	}
	return s.cancelReplace(c, e)
}

func (s *Service) baseAddFromUploadedFile(c *rpc.Call, in struct {
	Entry kaltura.Entry     `k:"entry" for:"add" required:"true"`
	Token string            `k:"uploadTokenId" ref:"uploadToken"`
	Type  kaltura.EntryType `k:"type" default:"-1"`
}) (kaltura.Entry, error) {
	return s.addFromToken(c, in.Entry, in.Type, in.Token)
}

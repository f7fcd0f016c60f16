package media

import (
	"sluice/api/rpc"
	"sluice/api/rpc/access"
	"sluice/api/rpc/kaltura"
	"sluice/catalog"
	"sluice/ingest/content"
)

const mediaClip = kaltura.EntryType(catalog.EntryMedia)

// entryRef is the input of actions about an entry that take nothing else.
type entryRef = struct {
	EntryID string `k:"entryId" ref:"entry"`
}

func (s *Service) mediaAddContent(c *rpc.Call, in struct {
	EntryID  string              `k:"entryId" ref:"entry"`
	Resource kaltura.AnyResource `k:"resource" required:"true"`
}) (kaltura.Media, error) {
	e, err := s.media(c, in.EntryID, access.Edit)
	if err != nil {
		return nil, err
	}
	return asMedia(s.addContent(c, e, in.Resource))
}

func (s *Service) mediaUpdateContent(c *rpc.Call, in struct {
	EntryID  string                           `k:"entryId" ref:"entry"`
	Resource kaltura.AnyResource              `k:"resource" required:"true"`
	Profile  *int64                           `k:"conversionProfileId" ref:"conversionProfile"`
	Options  *kaltura.EntryReplacementOptions `k:"advancedOptions"`
}) (kaltura.Media, error) {
	e, err := s.media(c, in.EntryID, access.Edit)
	if err != nil {
		return nil, err
	}
	return asMedia(s.updateContent(c, e, in.Resource, replacement(in.Profile, in.Options)))
}

// replacement is what a request says of the replacement of content.
func replacement(profile *int64, options *kaltura.EntryReplacementOptions) catalog.Replacement {
	r := catalog.Replacement{Profile: kaltura.Value(profile)}
	if options != nil {
		r.KeepThumbs = kaltura.Value(options.KeepManualThumbnails) == 1
	}
	return r
}

func (s *Service) mediaApproveReplace(c *rpc.Call, in entryRef) (kaltura.Media, error) {
	e, err := s.media(c, in.EntryID, access.Edit)
	if err != nil {
		return nil, err
	}
	return asMedia(s.approveReplace(c, e))
}

func (s *Service) mediaCancelReplace(c *rpc.Call, in entryRef) (kaltura.Media, error) {
	e, err := s.media(c, in.EntryID, access.Edit)
	if err != nil {
		return nil, err
	}
	return asMedia(s.cancelReplace(c, e))
}

func (s *Service) mediaAddFromURL(c *rpc.Call, in struct {
	MediaEntry *kaltura.MediaEntry `k:"mediaEntry" for:"add" required:"true"`
	URL        string              `k:"url"`
}) (kaltura.Media, error) {
	return asMedia(s.addWith(c, in.MediaEntry, mediaClip, content.URL{URL: in.URL, Later: true}, catalog.SourceURL))
}

func (s *Service) mediaAddFromUploadedFile(c *rpc.Call, in struct {
	MediaEntry *kaltura.MediaEntry `k:"mediaEntry" for:"add" required:"true"`
	Token      string              `k:"uploadTokenId" ref:"uploadToken"`
}) (kaltura.Media, error) {
	return asMedia(s.addFromToken(c, in.MediaEntry, mediaClip, in.Token))
}

func (s *Service) mediaAddFromEntry(c *rpc.Call, in struct {
	SourceEntryID  string              `k:"sourceEntryId" ref:"entry"`
	MediaEntry     *kaltura.MediaEntry `k:"mediaEntry" for:"add"`
	SourceParamsID *int64              `k:"sourceFlavorParamsId" ref:"flavorParams"`
}) (kaltura.Media, error) {
	source, err := s.media(c, in.SourceEntryID, access.View)
	if err != nil {
		return nil, err
	}
	entry := copyOf(in.MediaEntry, source)
	src := clipped(content.Entry{ID: source.ID, Params: kaltura.Value(in.SourceParamsID)}, entry)
	return asMedia(s.addWith(c, entry, mediaClip, src, source.SourceType))
}

func (s *Service) mediaAddFromFlavorAsset(c *rpc.Call, in struct {
	SourceAssetID string              `k:"sourceFlavorAssetId" ref:"flavorAsset"`
	MediaEntry    *kaltura.MediaEntry `k:"mediaEntry" for:"add"`
}) (kaltura.Media, error) {
	a, err := s.Catalog.Asset(c, catalog.AssetID(in.SourceAssetID))
	if err != nil || a.Account != c.AccountID() || a.Type != catalog.AssetFlavor || a.Status == catalog.AssetDeleted {
		if err = ignoreMissing(err); err != nil {
			return nil, err
		}
		return nil, rpc.E("FLAVOR_ASSET_ID_NOT_FOUND", "ID", in.SourceAssetID)
	}
	source, err := s.media(c, string(a.Entry), access.View)
	if err != nil {
		return nil, err
	}
	entry := copyOf(in.MediaEntry, source)
	return asMedia(s.addWith(c, entry, mediaClip, clipped(content.Asset{ID: a.ID}, entry), source.SourceType))
}

// clipped is a source, or the parts of it that the new entry's operationAttributes name.
func clipped(src content.Source, entry *kaltura.MediaEntry) content.Source {
	var parts []content.Clip
	for _, o := range entry.OperationAttributes {
		if clip, ok := o.(*kaltura.ClipAttributes); ok {
			parts = append(parts, clip.Clip())
		}
	}
	if len(parts) == 0 {
		return src
	}
	return content.Clips{Of: src, Parts: parts}
}

// copyOf is what a new entry that takes another one's content is called when the request does not say.
func copyOf(sent *kaltura.MediaEntry, source catalog.Entry) *kaltura.MediaEntry {
	if sent == nil {
		sent = &kaltura.MediaEntry{}
	}
	if sent.Name == nil {
		sent.Name = &source.Name
	}
	if sent.MediaType == nil {
		sent.MediaType = kaltura.Opt(kaltura.MediaType(source.MediaType))
	}
	return sent
}

package media

import (
	"errors"
	"fmt"

	"sluice/api/rpc"
	"sluice/api/rpc/access"
	"sluice/api/rpc/kaltura"
	"sluice/catalog"
	"sluice/ingest/content"
)

// setContent gives an entry without content its first.
func (s *Service) setContent(c *rpc.Call, e catalog.Entry, resource kaltura.AnyResource) error {
	parts, err := kaltura.ContentParts(resource)
	if err != nil {
		return err
	}
	if err := s.enter(c, e, parts, content.Options{}); err != nil {
		return err
	}
	return s.markClip(c, e.ID, parts)
}

// markClip notes on an entry which parts of what it is made of.
func (s *Service) markClip(c *rpc.Call, id catalog.EntryID, parts []content.Part) error {
	clips, ok := parts[0].Source.(content.Clips)
	if !ok {
		return nil
	}
	var root catalog.EntryID
	if of, ok := clips.Of.(content.Entry); ok {
		source, err := s.Catalog.Entry(c, c.AccountID(), of.ID)
		if err != nil {
			return failure(err, string(of.ID))
		}
		if root = source.Root; root == "" {
			root = source.ID
		}
	}
	return failure(s.Catalog.UpdateEntry(c, id, func(e *catalog.Entry) error {
		e.SourceType, e.Root, e.Details.Clips = catalog.SourceClip, root, nil
		for _, p := range clips.Parts {
			e.Details.Clips = append(e.Details.Clips, catalog.EntryClip{Offset: p.Offset.Milliseconds(), Duration: p.Duration.Milliseconds()})
		}
		return nil
	}), string(id))
}

// enter hands content over, when the session may use it.
func (s *Service) enter(c *rpc.Call, e catalog.Entry, parts []content.Part, opts content.Options) error {
	for _, p := range parts {
		if err := access.Source(c, s.Catalog, p.Source); err != nil {
			return err
		}
	}
	return kaltura.ContentError(s.Content.SetEntry(c, c.AccountID(), e.ID, parts, opts))
}

// addContent gives an entry its first content.
func (s *Service) addContent(c *rpc.Call, e catalog.Entry, resource kaltura.AnyResource) (kaltura.Entry, error) {
	if e.Status != catalog.EntryNoContent {
		return nil, rpc.E("ENTRY_ALREADY_WITH_CONTENT")
	}
	if err := s.setContent(c, e, resource); err != nil {
		return nil, err
	}
	return s.viewAgain(c, e.ID)
}

// updateContent gives an entry other content: in place when it has none or is a picture, otherwise through a hidden entry
// that takes its place when it is ready, and approved where the account wants that.
func (s *Service) updateContent(c *rpc.Call, e catalog.Entry, resource kaltura.AnyResource, r catalog.Replacement) (kaltura.Entry, error) {
	parts, err := kaltura.ContentParts(resource)
	if err != nil {
		return nil, err
	}
	if err := s.checkProfile(c, r.Profile); err != nil {
		return nil, err
	}
	if e.Status == catalog.EntryNoContent || e.MediaType == catalog.MediaImage {
		if err := s.withProfile(c, e, r.Profile); err != nil {
			return nil, err
		}
		if err := s.enter(c, e, parts, content.Options{Replace: e.Status != catalog.EntryNoContent}); err != nil {
			return nil, err
		}
		return s.viewAgain(c, e.ID)
	}
	r.Status = catalog.ReplacementApprovedNotReady
	hidden, err := s.Catalog.StartReplacement(c, e.ID, r)
	if errors.Is(err, catalog.ErrConflict) {
		return nil, rpc.E("ENTRY_REPLACEMENT_ALREADY_EXISTS").Because(err)
	}
	if err != nil {
		return nil, failure(err, string(e.ID))
	}
	if err := s.enter(c, hidden, parts, content.Options{}); err != nil {
		return nil, errors.Join(err, s.Catalog.EndReplacement(c, e.ID))
	}
	return s.viewAgain(c, e.ID)
}

func (s *Service) withProfile(c *rpc.Call, e catalog.Entry, profile int64) error {
	if profile == 0 || profile == e.ConversionProfile {
		return nil
	}
	return failure(s.Catalog.UpdateEntry(c, e.ID, func(e *catalog.Entry) error {
		e.ConversionProfile = profile
		return nil
	}), string(e.ID))
}

// addWith makes an entry and gives it content. An entry whose content is refused is not kept.
func (s *Service) addWith(c *rpc.Call, in kaltura.Entry, typ kaltura.EntryType, src content.Source, from catalog.SourceType) (kaltura.Entry, error) {
	e, err := s.create(c, in, typ)
	if err != nil {
		return nil, err
	}
	if err := s.enter(c, e, []content.Part{{Source: src}}, content.Options{}); err != nil {
		return nil, errors.Join(err, s.Catalog.DeleteEntry(c, e.ID))
	}
	if from != e.SourceType {
		err := s.Catalog.UpdateEntry(c, e.ID, func(e *catalog.Entry) error { e.SourceType = from; return nil })
		if err != nil {
			return nil, failure(err, string(e.ID))
		}
	}
	if err := s.markClip(c, e.ID, []content.Part{{Source: src}}); err != nil {
		return nil, err
	}
	return s.viewAgain(c, e.ID)
}

// addFromToken makes an entry of what was uploaded with a token, which must be complete.
func (s *Service) addFromToken(c *rpc.Call, in kaltura.Entry, typ kaltura.EntryType, id string) (kaltura.Entry, error) {
	t, err := s.Catalog.UploadToken(c, c.AccountID(), catalog.UploadTokenID(id))
	switch {
	case errors.Is(err, catalog.ErrNotFound) || err == nil && !c.Admin() && t.User != c.User():
		return nil, rpc.E("UPLOADED_FILE_NOT_FOUND_BY_TOKEN").Because(fmt.Errorf("upload token %q", id))
	case err != nil:
		return nil, err
	case t.Status != catalog.UploadFull:
		return nil, rpc.E("UPLOAD_TOKEN_INVALID_STATUS_FOR_ADD_ENTRY")
	}
	return s.addWith(c, in, typ, content.Token{ID: t.ID}, catalog.SourceFile)
}

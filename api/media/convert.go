package media

import (
	"sluice/api/rpc"
	"sluice/api/rpc/access"
	"sluice/api/rpc/kaltura"
	"sluice/catalog"
	"sluice/ingest/content"
)

// convert makes an entry's renditions anew of its original, by another conversion profile where one is named. It returns the
// id of the first task of that.
func (s *Service) convert(c *rpc.Call, in struct {
	EntryID string `k:"entryId" ref:"entry"`
	Profile *int64 `k:"conversionProfileId" ref:"conversionProfile"`
}) (int64, error) {
	e, err := s.media(c, in.EntryID, access.Edit)
	if err != nil {
		return 0, err
	}
	switch e.Status {
	case catalog.EntryErrorConverting, catalog.EntryReady:
	default:
		return 0, rpc.E("INVALID_ENTRY_STATUS")
	}
	profile := kaltura.Value(in.Profile)
	if err := s.checkProfile(c, profile); err != nil {
		return 0, err
	}
	if err := s.withProfile(c, e, profile); err != nil {
		return 0, err
	}
	if err := s.enter(c, e, []content.Part{{Source: content.Entry{ID: e.ID}}}, content.Options{Replace: true}); err != nil {
		return 0, err
	}
	if e, err = s.Catalog.Entry(c, e.Account, e.ID); err != nil {
		return 0, err
	}
	tasks, err := s.Catalog.Tasks(c, e.ID)
	if err != nil {
		return 0, err
	}
	for _, t := range tasks {
		if t.Version == e.Version {
			return int64(t.ID), nil
		}
	}
	return 0, nil
}

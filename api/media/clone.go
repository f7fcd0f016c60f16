package media

import (
	"errors"

	"sluice/api/rpc"
	"sluice/api/rpc/access"
	"sluice/api/rpc/kaltura"
	"sluice/catalog"
	"sluice/ingest/content"
)

// clone copies an entry: its fields and, unless the options leave it out, its content, which is made anew of the original.
func (s *Service) clone(c *rpc.Call, in struct {
	EntryID string                    `k:"entryId" ref:"entry"`
	Options []kaltura.CloneOptionItem `k:"cloneOptions"`
}) (kaltura.Entry, error) {
	source, err := access.Entry(c, s.Catalog, in.EntryID, access.View)
	if err != nil {
		return nil, err
	}
	if _, limited := c.Session.Value("limitentry"); limited {
		return nil, access.Denied()
	}
	without := excluded(in.Options)
	e := copyEntry(source, c.User(), without)
	if err := s.checkCopied(c, e.CategoryIDs); err != nil {
		return nil, err
	}
	made, err := s.Catalog.AddEntry(c, e)
	if err != nil {
		return nil, failure(err, in.EntryID)
	}
	if source.Type == catalog.EntryMedia && source.Status != catalog.EntryNoContent && !without["6"] {
		err := s.enter(c, made, []content.Part{{Source: content.Entry{ID: source.ID}}}, content.Options{})
		if err != nil {
			return nil, errors.Join(err, s.Catalog.DeleteEntry(c, made.ID))
		}
	}
	return s.viewAgain(c, made.ID)
}

// excluded are the components that a copy goes without.
func excluded(options []kaltura.CloneOptionItem) map[kaltura.CloneOption]bool {
	out := map[kaltura.CloneOption]bool{}
	for _, o := range options {
		if o, ok := o.(*kaltura.BaseEntryCloneOptionComponent); ok && kaltura.Value(o.Rule) == "1" {
			out[kaltura.Value(o.ItemType)] = true
		}
	}
	return out
}

// copyEntry is a new entry with another one's fields.
func copyEntry(source catalog.Entry, user string, without map[kaltura.CloneOption]bool) catalog.Entry {
	e := catalog.BlankEntry(source.Account)
	e.Type, e.MediaType, e.Name, e.Description, e.ReferenceID = source.Type, source.MediaType, source.Name, source.Description, source.ReferenceID
	e.Tags, e.AdminTags, e.SourceType, e.GroupID, e.SortValue = source.Tags, source.AdminTags, source.SourceType, source.GroupID, source.SortValue
	e.ConversionProfile, e.StartAt, e.EndAt, e.Display = source.ConversionProfile, source.StartAt, source.EndAt, source.Display
	e.Parent, e.Details, e.Owner, e.Creator = source.Parent, source.Details, user, user
	if e.Display < catalog.DisplayNone {
		e.Display = catalog.DisplayPartner // a copy is no hidden entry
	}
	if source.Type != catalog.EntryMedia {
		e.Status = catalog.EntryReady
	}
	if !without["1"] {
		e.Owner, e.Editors, e.Publishers, e.Viewers = source.Owner, source.Editors, source.Publishers, source.Viewers
	}
	if !without["2"] {
		e.Categories, e.CategoryIDs = source.Categories, source.CategoryIDs
	}
	if !without["4"] {
		e.AccessControl = source.AccessControl
	}
	return e
}

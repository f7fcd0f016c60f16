package media

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"sluice/api/rpc"
	"sluice/api/rpc/access"
	"sluice/api/rpc/kaltura"
	"sluice/catalog"
)

// create makes an entry of what a request says, of the given type, or of the type that the request's class stands for.
func (s *Service) create(c *rpc.Call, in kaltura.Entry, typ kaltura.EntryType) (catalog.Entry, error) {
	e, err := s.blank(c, in, typ)
	if err != nil {
		return catalog.Entry{}, err
	}
	if err := s.checked(c, in, &e); err != nil {
		return catalog.Entry{}, err
	}
	if err := s.users(c, e); err != nil {
		return catalog.Entry{}, err
	}
	made, err := s.Catalog.AddEntry(c, e)
	return made, failure(err, string(e.ID))
}

// blank is the entry that a request describes, with the defaults and the template's fields.
func (s *Service) blank(c *rpc.Call, in kaltura.Entry, typ kaltura.EntryType) (catalog.Entry, error) {
	if only, limited := c.Session.Value("limitentry"); limited && len(only) > 0 {
		return catalog.Entry{}, access.Denied()
	}
	base := in.Common()
	e := catalog.BlankEntry(c.AccountID())
	if id := kaltura.Value(base.TemplateEntryID); id != "" {
		t, err := access.Entry(c, s.Catalog, id, access.View)
		if err != nil {
			return e, err
		}
		fromTemplate(&e, t)
		if base.CategoriesIDs == nil && base.Categories == nil {
			if err := s.checkCopied(c, e.CategoryIDs); err != nil {
				return e, err
			}
		}
	}
	kaltura.Into(&e, in)
	var err error
	if e.Type, err = typeOf(in, typ); err != nil {
		return e, err
	}
	if e.Type == catalog.EntryData || e.Type == catalog.EntryPlaylist {
		e.Status = catalog.EntryReady
	}
	if e.Name == "" {
		e.Name = fmt.Sprintf("%d_%d", e.Account, c.Now.Unix())
	}
	switch {
	case e.Owner == "":
		e.Owner = c.User()
	case !c.Admin() && !strings.EqualFold(e.Owner, c.User()):
		return e, access.Denied()
	}
	switch {
	case e.Creator == "":
		e.Creator = e.Owner
	case !c.Admin() && !strings.EqualFold(e.Creator, c.User()):
		return e, access.Denied()
	}
	known, err := s.defaults.of(c, s.Catalog, e.Account)
	if err != nil {
		return e, err
	}
	if e.AccessControl == 0 {
		e.AccessControl = known.access
	}
	if e.ConversionProfile == 0 {
		e.ConversionProfile = cmp.Or(profileOf(in), known.profile)
	}
	return e, nil
}

// fromTemplate copies what a new entry has from its template.
func fromTemplate(e *catalog.Entry, t catalog.Entry) {
	e.Description, e.Tags, e.Categories, e.CategoryIDs = t.Description, t.Tags, t.Categories, t.CategoryIDs
	e.AccessControl, e.ConversionProfile, e.StartAt, e.EndAt = t.AccessControl, t.ConversionProfile, t.StartAt, t.EndAt
	e.Editors, e.Publishers, e.Viewers, e.Display = t.Editors, t.Publishers, t.Viewers, t.Display
	e.Details.PartnerData, e.Details.License, e.Details.Texts = t.Details.PartnerData, t.Details.License, t.Details.Texts
}

// typeOf is the type of a new entry: the one asked for, else that of the class.
func typeOf(in kaltura.Entry, asked kaltura.EntryType) (catalog.EntryType, error) {
	if asked == "" || asked == "-1" {
		asked = kaltura.Value(in.Common().Type)
	}
	class := catalog.EntryMedia
	switch in.(type) {
	case *kaltura.DataEntry:
		class = catalog.EntryData
	case *kaltura.Playlist:
		class = catalog.EntryPlaylist
	case *kaltura.LiveStreamEntry:
		class = catalog.EntryLiveStream
	}
	typ := class
	if asked != "" && asked != "-1" {
		typ = catalog.EntryType(asked)
	}
	_, plain := in.(*kaltura.BaseEntry)
	switch typ {
	case catalog.EntryMedia, catalog.EntryData, catalog.EntryPlaylist:
		if plain || typ == class {
			return typ, nil
		}
	}
	return "", rpc.E("ENTRY_TYPE_NOT_SUPPORTED", "ENTRY_TYPE", string(typ))
}

// checked says what of an entry that a request made or changed is not allowed. What it names must exist.
func (s *Service) checked(c *rpc.Call, in kaltura.Entry, e *catalog.Entry) error {
	base := in.Common()
	if base.AdminTags != nil && !c.Admin() && !c.May("editadmintags", string(e.ID)) {
		return rpc.E("PROPERTY_VALIDATION_ADMIN_PROPERTY", "PROP_NAME", className(in)+"::adminTags")
	}
	if !e.StartAt.IsZero() && !e.EndAt.IsZero() && !e.StartAt.Before(e.EndAt) {
		return rpc.E("INVALID_ENTRY_SCHEDULE_DATES")
	}
	if id := kaltura.Value(base.AccessControlID); id != 0 {
		if _, err := s.Catalog.AccessControl(c, c.AccountID(), id); errors.Is(err, catalog.ErrNotFound) {
			return rpc.E("ACCESS_CONTROL_ID_NOT_FOUND", "ID", fmt.Sprint(id)).Because(err)
		} else if err != nil {
			return err
		}
	}
	if err := s.checkProfile(c, profileOf(in)); err != nil {
		return err
	}
	if err := s.checkCategories(c, e.ID, kaltura.Value(base.CategoriesIDs), kaltura.Value(base.Categories)); err != nil {
		return err
	}
	for _, id := range []*string{base.ParentEntryID, base.RedirectEntryID} {
		if other := kaltura.Value(id); other != "" {
			if _, err := access.Entry(c, s.Catalog, other, access.View); err != nil {
				return err
			}
			if other == string(e.ID) {
				return rpc.E("INVALID_ENTRY_ID", "ID", other)
			}
		}
	}
	return nil
}

// users makes the users that an entry names known: a user is made when first named.
func (s *Service) users(c *rpc.Call, e catalog.Entry) error {
	for _, user := range append([]string{e.Owner}, e.Editors...) {
		if user == "" || user == "0" {
			continue
		}
		if err := ensureUser(c, s.Catalog, c.AccountID(), user); err != nil {
			return failure(err, string(e.ID))
		}
	}
	return nil
}

// className is the name of an entry's class on the wire.
func className(e kaltura.Entry) string {
	switch e.(type) {
	case *kaltura.MediaEntry:
		return "KalturaMediaEntry"
	case *kaltura.DataEntry:
		return "KalturaDataEntry"
	case *kaltura.Playlist:
		return "KalturaPlaylist"
	case *kaltura.LiveStreamEntry:
		return "KalturaLiveStreamEntry"
	}
	return "KalturaBaseEntry"
}

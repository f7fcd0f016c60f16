package media

import (
	"strconv"
	"strings"

	"sluice/api/rpc"
	"sluice/api/rpc/access"
	"sluice/api/rpc/kaltura"
	"sluice/catalog"
)

// change makes an entry what a request says of it; fields that were not sent stay.
func (s *Service) change(c *rpc.Call, id string, in kaltura.Entry) (kaltura.Entry, error) {
	e, err := access.Entry(c, s.Catalog, id, access.Edit)
	if err != nil {
		return nil, err
	}
	if err := s.mayChange(c, e, in); err != nil {
		return nil, err
	}
	next := e
	kaltura.Into(&next, in)
	if err := s.checked(c, in, &next); err != nil {
		return nil, err
	}
	if err := s.users(c, next); err != nil {
		return nil, err
	}
	err = s.Catalog.UpdateEntry(c, e.ID, func(e *catalog.Entry) error {
		if e.Status == catalog.EntryDeleted {
			return notFound(id)
		}
		kaltura.Into(e, in)
		return nil
	})
	if err != nil {
		return nil, failure(err, id)
	}
	return s.viewAgain(c, e.ID)
}

// mayChange says what a request may not change about this entry.
func (s *Service) mayChange(c *rpc.Call, e catalog.Entry, in kaltura.Entry) error {
	base, class := in.Common(), className(in)
	if t := kaltura.Value(base.Type); t != "" && t != "-1" && string(t) != string(e.Type) {
		return rpc.E("PROPERTY_VALIDATION_NOT_UPDATABLE", "PROP_NAME", class+"::type")
	}
	if (base.UserID != nil || base.Cleared("userId")) && !strings.EqualFold(kaltura.Value(base.UserID), e.Owner) && !c.Admin() {
		return access.Denied()
	}
	if base.EntitledUsersEdit != nil && !c.Admin() && !strings.EqualFold(c.User(), e.Owner) && !c.May("edit", string(e.ID)) {
		return access.Denied() // an editor does not make editors
	}
	var duration *int64
	switch m := in.(type) {
	case *kaltura.MediaEntry:
		duration = m.MsDuration
	case *kaltura.LiveStreamEntry:
		duration = m.MsDuration
	}
	if duration != nil && *duration != e.DurationMS && e.Status != catalog.EntryNoContent {
		return rpc.E("PROPERTY_VALIDATION_ENTRY_STATUS", "PROP_NAME", class+"::msDuration", "STATUS", strconv.Itoa(int(e.Status)))
	}
	return nil
}

// remove deletes an entry.
func (s *Service) remove(c *rpc.Call, id string) (catalog.Entry, error) {
	e, err := access.Entry(c, s.Catalog, id, access.Edit)
	if err != nil {
		return e, err
	}
	return e, failure(s.Catalog.DeleteEntry(c, e.ID), id)
}

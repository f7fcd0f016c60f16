package media

import (
	"sluice/api/rpc"
	"sluice/api/rpc/access"
	"sluice/api/rpc/kaltura"
	"sluice/catalog"
)

// mediaTypes are the types of entries that are MediaEntry on the wire.
var mediaTypes = []string{string(catalog.EntryMedia), string(catalog.EntryLiveStream)}

func (s *Service) registerMedia(svc *rpc.Service) {
	rpc.Action(svc, "add", "Makes an entry without content.", s.mediaAdd)
	rpc.Action(svc, "get", "Returns an entry.", s.mediaGet, rpc.For(rpc.WidgetSession))
	rpc.Action(svc, "update", "Changes the fields of an entry that are sent.", s.mediaUpdate)
	rpc.Action(svc, "delete", "Deletes an entry and all that belongs to it.", s.mediaDelete)
	rpc.Action(svc, "list", "Lists entries.", s.mediaList, rpc.For(rpc.WidgetSession))
	rpc.Action(svc, "count", "Counts entries.", s.mediaCount, rpc.For(rpc.WidgetSession))
	rpc.Action(svc, "approve", "Lets an entry through moderation.", s.moderate(catalog.ModerationApproved), rpc.For(rpc.AdminSession))
	rpc.Action(svc, "reject", "Keeps an entry from viewers.", s.moderate(catalog.ModerationRejected), rpc.For(rpc.AdminSession))
}

// media returns an entry that the media service handles and the call may do with what it wants.
func (s *Service) media(c *rpc.Call, id string, want access.Want) (catalog.Entry, error) {
	e, err := access.Entry(c, s.Catalog, id, want)
	if err != nil {
		return e, err
	}
	return e, mediaOf(e)
}

// asMedia is an entry of the catalog as the media service returns it.
func asMedia(e kaltura.Entry, err error) (*kaltura.MediaEntry, error) {
	if err != nil {
		return nil, err
	}
	switch e := e.(type) {
	case *kaltura.MediaEntry:
		return e, nil
	case *kaltura.LiveStreamEntry:
		return &e.MediaEntry, nil
	}
	return nil, notFound(kaltura.Value(e.Common().ID))
}

func (s *Service) mediaAdd(c *rpc.Call, in struct {
	Entry *kaltura.MediaEntry `k:"entry" for:"add" required:"true"`
}) (*kaltura.MediaEntry, error) {
	e, err := s.create(c, in.Entry, kaltura.EntryType(catalog.EntryMedia))
	if err != nil {
		return nil, err
	}
	return asMedia(s.viewOne(c, e))
}

func (s *Service) mediaGet(c *rpc.Call, in struct {
	EntryID string `k:"entryId" ref:"entry"`
	Version int    `k:"version" default:"-1"`
}) (kaltura.Entry, error) {
	e, err := s.media(c, in.EntryID, access.View)
	if err != nil {
		return nil, err
	}
	return s.viewOne(c, e)
}

func (s *Service) mediaUpdate(c *rpc.Call, in struct {
	EntryID    string              `k:"entryId" ref:"entry"`
	MediaEntry *kaltura.MediaEntry `k:"mediaEntry" for:"update" required:"true"`
}) (*kaltura.MediaEntry, error) {
	if _, err := s.media(c, in.EntryID, access.Edit); err != nil {
		return nil, err
	}
	return asMedia(s.change(c, in.EntryID, in.MediaEntry))
}

func (s *Service) mediaDelete(c *rpc.Call, in struct {
	EntryID string `k:"entryId" ref:"entry"`
}) (rpc.Void, error) {
	if _, err := s.media(c, in.EntryID, access.Edit); err != nil {
		return rpc.Void{}, err
	}
	_, err := s.remove(c, in.EntryID)
	return rpc.Void{}, err
}

func (s *Service) mediaList(c *rpc.Call, in struct {
	Filter *rpc.FilterOf[kaltura.MediaEntry] `k:"filter"`
	Pager  *rpc.Pager                        `k:"pager"`
}) (*rpc.List[*kaltura.MediaEntry], error) {
	found, total, err := s.list(c, filterOf(in.Filter), in.Pager, mediaTypes...)
	if err != nil {
		return nil, err
	}
	out := &rpc.List[*kaltura.MediaEntry]{Objects: make([]*kaltura.MediaEntry, len(found)), TotalCount: total}
	for i, e := range found {
		if out.Objects[i], err = asMedia(e, nil); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (s *Service) mediaCount(c *rpc.Call, in struct {
	Filter *rpc.FilterOf[kaltura.MediaEntry] `k:"filter"`
}) (int, error) {
	return s.count(c, filterOf(in.Filter), mediaTypes...)
}

// filterOf is the filter in a parameter, nil when it was not sent.
func filterOf[T any](f *rpc.FilterOf[T]) *rpc.Filter {
	if f == nil {
		return nil
	}
	return &f.Filter
}

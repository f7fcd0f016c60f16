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
	rpc.Action(svc, "addContent", "Gives an entry its first content.", s.mediaAddContent)
	rpc.Action(svc, "updateContent", "Gives an entry other content, beside the present one until it is ready.", s.mediaUpdateContent)
	rpc.Action(svc, "approveReplace", "Lets the new content take the place of the present one.", s.mediaApproveReplace)
	rpc.Action(svc, "cancelReplace", "Gives the new content up.", s.mediaCancelReplace)
	rpc.Action(svc, "addFromUrl", "Makes an entry of what is downloaded.", s.mediaAddFromURL)
	rpc.Action(svc, "addFromUploadedFile", "Makes an entry of an uploaded file.", s.mediaAddFromUploadedFile)
	rpc.Action(svc, "addFromEntry", "Makes an entry of another one's original.", s.mediaAddFromEntry)
	rpc.Action(svc, "addFromFlavorAsset", "Makes an entry of another one's flavor.", s.mediaAddFromFlavorAsset)
	rpc.Action(svc, "convert", "Makes an entry's renditions anew.", s.convert)
	s.registerModeration(svc)
	s.registerThumbnails(svc)
	if s.Uploads != nil {
		rpc.Action(svc, "upload", "Takes a file in, for addFromUploadedFile.", s.upload)
	}
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
func asMedia(e kaltura.Entry, err error) (kaltura.Media, error) {
	if err != nil {
		return nil, err
	}
	m, ok := e.(kaltura.Media)
	if !ok {
		return nil, notFound(kaltura.Value(e.Common().ID))
	}
	return m, nil
}

func (s *Service) mediaAdd(c *rpc.Call, in struct {
	Entry *kaltura.MediaEntry `k:"entry" for:"add" required:"true"`
}) (kaltura.Media, error) {
	e, err := s.create(c, in.Entry, kaltura.EntryType(catalog.EntryMedia))
	if err != nil {
		return nil, err
	}
	return asMedia(s.viewOne(c, e))
}

func (s *Service) mediaGet(c *rpc.Call, in struct {
	EntryID string `k:"entryId" ref:"entry"`
	Version int    `k:"version" default:"-1"`
}) (kaltura.Media, error) {
	return asMedia(s.shown(c, in.EntryID, mediaOf))
}

func (s *Service) mediaUpdate(c *rpc.Call, in struct {
	EntryID    string              `k:"entryId" ref:"entry"`
	MediaEntry *kaltura.MediaEntry `k:"mediaEntry" for:"update" required:"true"`
}) (kaltura.Media, error) {
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
}) (*rpc.List[kaltura.Media], error) {
	found, total, err := s.list(c, filterOf(in.Filter), in.Pager, mediaTypes...)
	if err != nil {
		return nil, err
	}
	out := &rpc.List[kaltura.Media]{Objects: make([]kaltura.Media, len(found)), TotalCount: total}
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

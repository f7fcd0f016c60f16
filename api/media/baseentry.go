package media

import (
	"slices"

	"sluice/api/rpc"
	"sluice/api/rpc/access"
	"sluice/api/rpc/kaltura"
	"sluice/catalog"
)

func (s *Service) registerBaseEntry(svc *rpc.Service) {
	rpc.Action(svc, "add", "Makes an entry without content.", s.baseAdd)
	rpc.Action(svc, "get", "Returns an entry as the class of its type.", s.baseGet, rpc.For(rpc.WidgetSession))
	rpc.Action(svc, "update", "Changes the fields of an entry that are sent.", s.baseUpdate)
	rpc.Action(svc, "delete", "Deletes an entry and all that belongs to it.", s.baseDelete)
	rpc.Action(svc, "list", "Lists entries of every type.", s.baseList, rpc.For(rpc.WidgetSession))
	rpc.Action(svc, "count", "Counts entries.", s.baseCount, rpc.For(rpc.WidgetSession))
	rpc.Action(svc, "getByIds", "Returns those of several entries that exist.", s.baseGetByIDs, rpc.For(rpc.WidgetSession))
	rpc.Action(svc, "listByReferenceId", "Lists the entries with a reference id.", s.baseListByReferenceID)
	rpc.Action(svc, "addContent", "Gives an entry its first content.", s.baseAddContent)
	rpc.Action(svc, "updateContent", "Gives an entry other content, beside the present one until it is ready.", s.baseUpdateContent)
	rpc.Action(svc, "approveReplace", "Lets the new content take the place of the present one.", s.baseApproveReplace)
	rpc.Action(svc, "cancelReplace", "Gives the new content up.", s.baseCancelReplace)
	rpc.Action(svc, "addFromUploadedFile", "Makes an entry of an uploaded file.", s.baseAddFromUploadedFile)
	rpc.Action(svc, "clone", "Copies an entry.", s.clone)
	s.registerModeration(svc)
	s.registerThumbnails(svc)
	if s.Uploads != nil {
		rpc.Action(svc, "upload", "Takes a file in, for addFromUploadedFile.", s.upload)
	}
}

func (s *Service) baseAdd(c *rpc.Call, in struct {
	Entry kaltura.Entry     `k:"entry" for:"add" required:"true"`
	Type  kaltura.EntryType `k:"type" default:"-1"`
}) (kaltura.Entry, error) {
	e, err := s.create(c, in.Entry, in.Type)
	if err != nil {
		return nil, err
	}
	return s.viewOne(c, e)
}

func (s *Service) baseGet(c *rpc.Call, in struct {
	EntryID string `k:"entryId" ref:"entry"`
	Version int    `k:"version" default:"-1"`
}) (kaltura.Entry, error) {
	return s.shown(c, in.EntryID, func(catalog.Entry) error { return nil })
}

func (s *Service) baseUpdate(c *rpc.Call, in struct {
	EntryID   string        `k:"entryId" ref:"entry"`
	BaseEntry kaltura.Entry `k:"baseEntry" for:"update" required:"true"`
}) (kaltura.Entry, error) {
	return s.change(c, in.EntryID, in.BaseEntry)
}

func (s *Service) baseDelete(c *rpc.Call, in struct {
	EntryID string `k:"entryId" ref:"entry"`
}) (rpc.Void, error) {
	_, err := s.remove(c, in.EntryID)
	return rpc.Void{}, err
}

func (s *Service) baseList(c *rpc.Call, in struct {
	Filter *rpc.FilterOf[kaltura.BaseEntry] `k:"filter"`
	Pager  *rpc.Pager                       `k:"pager"`
}) (*rpc.List[kaltura.Entry], error) {
	found, total, err := s.list(c, filterOf(in.Filter), in.Pager)
	if err != nil {
		return nil, err
	}
	return &rpc.List[kaltura.Entry]{Objects: found, TotalCount: total}, nil
}

func (s *Service) baseCount(c *rpc.Call, in struct {
	Filter *rpc.FilterOf[kaltura.BaseEntry] `k:"filter"`
}) (int, error) {
	return s.count(c, filterOf(in.Filter))
}

// maxIDs bounds the entries that one call asks for by their ids; further ones do not count.
const maxIDs = 500

func (s *Service) baseGetByIDs(c *rpc.Call, in struct {
	EntryIDs string `k:"entryIds" ref:"entry"`
}) ([]kaltura.Entry, error) {
	ids := kaltura.List(in.EntryIDs)
	ids = ids[:min(len(ids), maxIDs)]
	conds := []catalog.Cond{anyOf("id", ids...)}
	entitled, restricted, err := access.EntitledOnly(c, s.Catalog, c.AccountID(), c.Session)
	if err != nil {
		return nil, err
	}
	if restricted {
		conds = append(conds, entitled)
	}
	found, _, err := s.Catalog.QueryEntries(c, c.AccountID(), catalog.Query{Conds: conds, Limit: catalog.Everything})
	if err != nil {
		return nil, failure(err, in.EntryIDs)
	}
	slices.SortStableFunc(found, func(a, b catalog.Entry) int {
		return slices.Index(ids, string(a.ID)) - slices.Index(ids, string(b.ID))
	})
	return s.view(c, found...)
}

func (s *Service) baseListByReferenceID(c *rpc.Call, in struct {
	RefID string     `k:"refId"`
	Pager *rpc.Pager `k:"pager"`
}) (*rpc.List[kaltura.Entry], error) {
	if in.RefID == "" {
		return nil, rpc.E("MISSING_MANDATORY_PARAMETER", "PARAM_NAME", "refId")
	}
	found, total, err := s.list(c, &rpc.Filter{Conds: []catalog.Cond{anyOf("referenceId", in.RefID)}}, in.Pager)
	if err != nil {
		return nil, err
	}
	return &rpc.List[kaltura.Entry]{Objects: found, TotalCount: total}, nil
}

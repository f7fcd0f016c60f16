package annotate

import (
	"errors"
	"fmt"
	"reflect"
	"slices"

	"sluice/api/rpc"
	"sluice/api/rpc/access"
	"sluice/api/rpc/kaltura"
	"sluice/catalog"
)

// Service is the cuePoint service.
type Service struct{ Catalog *catalog.DB }

// cuePointFilter filters cue points of every class.
type cuePointFilter = rpc.FilterOf[kaltura.CuePoint]

// Register adds the service, its actions and the classes of cue points.
func (s *Service) Register(r *rpc.Registry) {
	r.Abstract(new(kaltura.CuePoint))
	rpc.Base[kaltura.AnyCuePoint](r, new(kaltura.CuePoint))
	r.Classes(new(kaltura.ThumbCuePoint), new(kaltura.CodeCuePoint), new(kaltura.Annotation), new(kaltura.AdCuePoint), new(kaltura.EventCuePoint))
	svc := r.Service("cuePoint_cuePoint", "Moments and spans of entries: chapters, slides, notes and more.")
	rpc.Action(svc, "add", "Adds a cue point to an entry.", s.add)
	rpc.Action(svc, "get", "Returns a cue point.", s.get)
	rpc.Action(svc, "update", "Changes a cue point.", s.update)
	rpc.Action(svc, "updateStatus", "Changes the status of a cue point.", s.updateStatus)
	rpc.Action(svc, "updateCuePointsTimes", "Moves a cue point.", s.updateTimes)
	rpc.Action(svc, "delete", "Deletes a cue point.", s.delete)
	rpc.Action(svc, "list", "Lists the cue points of entries.", s.list)
	rpc.Action(svc, "count", "Counts the cue points of entries.", s.count)
	rpc.Action(svc, "clone", "Copies a cue point to another entry.", s.clone)
	s.registerAnnotations(r)
}

func missing(id string) error { return rpc.E("INVALID_CUE_POINT_ID", "ID", id) }

// orMissing is err, or the exception for a cue point that the account does not have.
func orMissing(err error, id string) error {
	if errors.Is(err, catalog.ErrNotFound) {
		return missing(id)
	}
	return err
}

// find returns a cue point, when the call may do with its entry what it wants.
func (s *Service) find(c *rpc.Call, id string, want access.Want) (catalog.CuePoint, error) {
	p, err := s.Catalog.CuePoint(c, c.AccountID(), id)
	if err != nil {
		return p, orMissing(err, id)
	}
	if want == access.Edit && s.owns(c, p) {
		want = access.View
	}
	_, err = access.Entry(c, s.Catalog, string(p.Entry), want)
	var exc *rpc.Error
	if errors.As(err, &exc) && exc.Code == "ENTRY_ID_NOT_FOUND" {
		err = missing(id)
	}
	return p, err
}

// owns says whether the session's user made the cue point, or carries a privilege for it.
func (s *Service) owns(c *rpc.Call, p catalog.CuePoint) bool {
	return c.User() != "" && c.User() == p.User || c.May("editcuepoint", p.ID)
}

func (s *Service) add(c *rpc.Call, in struct {
	CuePoint kaltura.AnyCuePoint `k:"cuePoint" for:"add" required:"true"`
}) (kaltura.AnyCuePoint, error) {
	return s.addPoint(c, in.CuePoint)
}

func (s *Service) addPoint(c *rpc.Call, in kaltura.AnyCuePoint) (kaltura.AnyCuePoint, error) {
	b := in.Base()
	if kaltura.Value(b.EntryID) == "" {
		return nil, rpc.E("PROPERTY_VALIDATION_CANNOT_BE_NULL", "PROP_NAME", "KalturaCuePoint::entryId")
	}
	want := access.Edit
	if in.Type() == annotation { // viewers may take notes
		want = access.View
	}
	e, err := access.Entry(c, s.Catalog, *b.EntryID, want)
	if err != nil {
		return nil, err
	}
	if b.UserID != nil && *b.UserID != c.User() && !c.Admin() {
		return nil, rpc.E("PROPERTY_VALIDATION_ADMIN_PROPERTY", "PROP_NAME", "KalturaCuePoint::userId")
	}
	p := catalog.CuePoint{Entry: e.ID, Type: in.Type(), Status: catalog.CuePointReady, User: c.User()}
	if err := s.apply(c, in, &p, e); err != nil {
		return nil, err
	}
	if p, err = s.Catalog.AddCuePoint(c, c.AccountID(), p); err != nil {
		return nil, err
	}
	return s.showOne(c, p)
}

// apply sets what is sent, and refuses times that make no sense and names that are taken.
func (s *Service) apply(c *rpc.Call, in kaltura.AnyCuePoint, p *catalog.CuePoint, e catalog.Entry) error {
	name := p.SystemName
	if err := kaltura.ApplyCuePoint(in, p); err != nil {
		return err
	}
	if p.EndMS != 0 && p.EndMS < p.StartMS {
		return rpc.E("PROPERTY_VALIDATION_MIN_VALUE", "PROP_NAME", "endTime", "MIN_VAL", fmt.Sprint(p.StartMS))
	}
	if e.DurationMS > 0 && p.StartMS > e.DurationMS {
		return rpc.E("PROPERTY_VALIDATION_MAX_VALUE", "PROP_NAME", "KalturaCuePoint::startTime", "MAX_VAL", fmt.Sprint(e.DurationMS))
	}
	if p.Parent != "" {
		if parent, err := s.find(c, p.Parent, access.View); err != nil || parent.Entry != p.Entry {
			return rpc.E("PARENT_CUE_POINT_NOT_FOUND", "ID", p.Parent)
		}
	}
	if p.SystemName == "" || p.SystemName == name {
		return nil
	}
	rows, _, err := s.Catalog.ListCuePoints(c, c.AccountID(), catalog.Query{Limit: 1, Conds: []catalog.Cond{
		{Field: "entryId", Op: catalog.OpEq, Values: []any{string(p.Entry)}}, {Field: "systemName", Op: catalog.OpEq, Values: []any{p.SystemName}},
	}})
	if err == nil && len(rows) > 0 {
		err = rpc.E("CUE_POINT_SYSTEM_NAME_EXISTS", "NAME", p.SystemName, "ID", rows[0].ID)
	}
	return err
}

func (s *Service) get(c *rpc.Call, in struct {
	ID string `k:"id" ref:"cuePoint"`
}) (kaltura.AnyCuePoint, error) {
	p, err := s.find(c, in.ID, access.View)
	if err != nil {
		return nil, err
	}
	return s.showOne(c, p)
}

func (s *Service) update(c *rpc.Call, in struct {
	ID       string              `k:"id" ref:"cuePoint"`
	CuePoint kaltura.AnyCuePoint `k:"cuePoint" for:"update" required:"true"`
}) (kaltura.AnyCuePoint, error) {
	return s.updatePoint(c, in.ID, in.CuePoint)
}

func (s *Service) updatePoint(c *rpc.Call, id string, in kaltura.AnyCuePoint) (kaltura.AnyCuePoint, error) {
	return s.change(c, id, func(p *catalog.CuePoint, e catalog.Entry) error {
		if in.Type() != p.Type {
			return rpc.E("INVALID_OBJECT_TYPE", "INVALID_OBJ_TYPE", "Kaltura"+reflect.TypeOf(in).Elem().Name())
		}
		return s.apply(c, in, p, e)
	})
}

// change updates a cue point that the call may edit.
func (s *Service) change(c *rpc.Call, id string, fn func(*catalog.CuePoint, catalog.Entry) error) (kaltura.AnyCuePoint, error) {
	p, err := s.find(c, id, access.Edit)
	if err != nil {
		return nil, err
	}
	e, err := s.Catalog.Entry(c, c.AccountID(), p.Entry)
	if err != nil {
		return nil, err
	}
	// Checks that read other rows come before the transaction that writes.
	if err := fn(&p, e); err != nil {
		return nil, err
	}
	next := p
	p, err = s.Catalog.UpdateCuePoint(c, c.AccountID(), id, func(row *catalog.CuePoint) error {
		*row = next
		return nil
	})
	if err != nil {
		return nil, err
	}
	return s.showOne(c, p)
}

type statusIn struct {
	ID     string                 `k:"id" ref:"cuePoint"`
	Status kaltura.CuePointStatus `k:"status"`
}

func (s *Service) updateStatus(c *rpc.Call, in statusIn) (rpc.Void, error) {
	if in.Status == catalog.CuePointDeleted {
		return s.delete(c, struct {
			ID string `k:"id" ref:"cuePoint"`
		}{in.ID})
	}
	_, err := s.change(c, in.ID, func(p *catalog.CuePoint, _ catalog.Entry) error {
		p.Status = int(in.Status)
		return nil
	})
	return rpc.Void{}, err
}

type timesIn struct {
	ID    string `k:"id" ref:"cuePoint"`
	Start int64  `k:"startTime"`
	End   *int64 `k:"endTime"`
}

func (s *Service) updateTimes(c *rpc.Call, in timesIn) (kaltura.AnyCuePoint, error) {
	return s.change(c, in.ID, func(p *catalog.CuePoint, e catalog.Entry) error {
		span := kaltura.Annotation{EndTime: in.End}
		span.StartTime = new(max(0, in.Start))
		return s.apply(c, &span, p, e)
	})
}

func (s *Service) delete(c *rpc.Call, in struct {
	ID string `k:"id" ref:"cuePoint"`
}) (rpc.Void, error) {
	if _, err := s.find(c, in.ID, access.Edit); err != nil {
		return rpc.Void{}, err
	}
	return rpc.Void{}, s.Catalog.DeleteCuePoint(c, c.AccountID(), in.ID)
}

// selected is the query of a filter, which must name cue points or entries.
func (s *Service) selected(c *rpc.Call, f *cuePointFilter) (catalog.Query, error) {
	if f == nil || !f.Filters("id") && !f.Filters("entryId") {
		return catalog.Query{}, rpc.E("PROPERTY_VALIDATION_CANNOT_BE_NULL", "PROP_NAME", "KalturaCuePointFilter::idEqual/KalturaCuePointFilter::idIn/"+
			"KalturaCuePointFilter::entryIdEqual/KalturaCuePointFilter::entryIdIn")
	}
	q := catalog.Query{Conds: slices.Clone(f.Conds), Order: f.Order}
	if len(q.Order) == 0 {
		q.Order = []catalog.Order{{Field: "createdAt", Desc: true}}
	}
	if !f.Filters("status") {
		q.Conds = append(q.Conds, catalog.Cond{Field: "status", Op: catalog.OpIn, Values: []any{int64(catalog.CuePointReady), int64(catalog.CuePointHandled)}})
	}
	if s.own(c, f) {
		q.Conds = append(q.Conds, catalog.Cond{Field: "userId", Op: catalog.OpEq, Values: []any{c.User()}})
	}
	_, restricted, err := access.EntitledOnly(c, s.Catalog, c.AccountID(), c.Session)
	if err != nil || !restricted {
		return q, err
	}
	return s.entitled(c, q)
}

// entitled restricts a query to the cue points of entries that the session may know of.
func (s *Service) entitled(c *rpc.Call, q catalog.Query) (catalog.Query, error) {
	entries, err := s.entries(c, q)
	if err != nil {
		return q, err
	}
	within := catalog.Cond{Field: "entryId", Op: catalog.OpIn, Values: []any{}}
	for _, id := range entries {
		_, err := access.Entry(c, s.Catalog, id, access.View)
		var refused *rpc.Error
		if err != nil && !errors.As(err, &refused) {
			return q, err
		}
		if err == nil {
			within.Values = append(within.Values, id)
		}
	}
	q.Conds = append(q.Conds, within)
	return q, nil
}

// entries are the entries of the cue points that a query selects, or more: those that it names, else those of the cue points
// that it names. They are as many as it names, however many cue points they have.
func (s *Service) entries(c *rpc.Call, q catalog.Query) ([]string, error) {
	var ids []string
	for _, cond := range q.Conds {
		if cond.Field == "entryId" && (cond.Op == catalog.OpEq || cond.Op == catalog.OpIn) {
			for _, v := range cond.Values {
				ids = append(ids, fmt.Sprint(v))
			}
		}
	}
	if len(ids) == 0 {
		q.Limit = catalog.Everything
		rows, _, err := s.Catalog.ListCuePoints(c, c.AccountID(), q)
		if err != nil {
			return nil, err
		}
		for _, p := range rows {
			ids = append(ids, string(p.Entry))
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids), nil
}

// own says whether a user's session sees only its own cue points of the entries that a filter names.
func (s *Service) own(c *rpc.Call, f *cuePointFilter) bool {
	if c.Admin() || c.May("list", "*") || c.User() == "" {
		return false
	}
	entries, _ := f.Cond("entryId", catalog.OpEq)
	return !slices.ContainsFunc(entries, func(v any) bool {
		return c.May("list", fmt.Sprint(v)) || c.May("sview", fmt.Sprint(v)) || c.May("edit", fmt.Sprint(v))
	})
}

func (s *Service) list(c *rpc.Call, in struct {
	Filter *cuePointFilter `k:"filter"`
	Pager  *rpc.Pager      `k:"pager"`
}) (*rpc.List[kaltura.AnyCuePoint], error) {
	rows, total, err := s.page(c, in.Filter, in.Pager)
	return &rpc.List[kaltura.AnyCuePoint]{Objects: rows, TotalCount: total}, err
}

// page returns the cue points of a page of those that a filter selects, and how many it selects.
func (s *Service) page(c *rpc.Call, f *cuePointFilter, pager *rpc.Pager) ([]kaltura.AnyCuePoint, int, error) {
	q, err := s.selected(c, f)
	if err != nil {
		return nil, 0, err
	}
	q.Offset, q.Limit = pager.Page()
	rows, total, err := s.Catalog.ListCuePoints(c, c.AccountID(), q)
	if err != nil {
		return nil, 0, err
	}
	out, err := s.show(c, rows...)
	return out, total, err
}

func (s *Service) count(c *rpc.Call, in struct {
	Filter *cuePointFilter `k:"filter"`
}) (int, error) {
	return s.countPoints(c, in.Filter)
}

func (s *Service) countPoints(c *rpc.Call, f *cuePointFilter) (int, error) {
	q, err := s.selected(c, f)
	if err != nil {
		return 0, err
	}
	_, total, err := s.Catalog.ListCuePoints(c, c.AccountID(), q)
	return total, err
}

type cloneIn struct {
	ID      string `k:"id" ref:"cuePoint"`
	EntryID string `k:"entryId" ref:"entry"`
}

func (s *Service) clone(c *rpc.Call, in cloneIn) (kaltura.AnyCuePoint, error) {
	p, err := s.find(c, in.ID, access.View)
	if err != nil {
		return nil, err
	}
	e, err := access.Entry(c, s.Catalog, in.EntryID, access.Edit)
	if err != nil {
		return nil, err
	}
	if p, err = kaltura.CloneCuePoint(p, e.ID, c.User()); err != nil {
		return nil, err
	}
	if p, err = s.Catalog.AddCuePoint(c, c.AccountID(), p); err != nil {
		return nil, err
	}
	return s.showOne(c, p)
}

package profile

import (
	"context"
	"errors"

	"sluice/api/rpc"
	"sluice/api/rpc/kaltura"
	"sluice/catalog"
)

// Responses is the responseProfile service, and finds stored profiles for the protocol.
type Responses struct {
	Catalog *catalog.DB

	reg *rpc.Registry
}

// ResponseProfileStatus is whether a stored profile may be used.
type ResponseProfileStatus int

var responseProfileStatuses = rpc.NewEnum("KalturaResponseProfileStatus", "DISABLED=1 ENABLED=2 DELETED=3")

// Enum implements rpc.Enumerated.
func (ResponseProfileStatus) Enum() *rpc.Enum { return responseProfileStatuses }

const responseEnabled = 2

// ResponseProfile is a stored selection of what answers show (§5.23 of the API contract).
type ResponseProfile struct {
	rpc.DetachedResponseProfile
	ID         *rpc.ID64              `k:"id,ro" f:"eq,in"`
	SystemName *string                `k:"systemName,max=120" f:"eq,in"`
	PartnerID  *int64                 `k:"partnerId,ro"`
	CreatedAt  *rpc.Time              `k:"createdAt,ro" f:"gte,lte,order"`
	UpdatedAt  *rpc.Time              `k:"updatedAt,ro" f:"gte,lte,order"`
	Status     *ResponseProfileStatus `k:"status,ro" f:"eq,in"`
	Version    *int                   `k:"version,ro"`
}

type responseFilter = rpc.FilterOf[ResponseProfile]

// Register adds the service and its actions.
func (s *Responses) Register(r *rpc.Registry) {
	s.reg = r
	svc := r.Service("responseProfile", "What answers show of objects, and which lists come with them.")
	rpc.Action(svc, "add", "Stores a profile.", s.add)
	rpc.Action(svc, "get", "Returns a profile.", s.get)
	rpc.Action(svc, "update", "Changes a profile.", s.update)
	rpc.Action(svc, "updateStatus", "Enables or disables a profile.", s.updateStatus)
	rpc.Action(svc, "delete", "Deletes a profile.", s.delete)
	rpc.Action(svc, "list", "Lists profiles.", s.list)
	rpc.Action(svc, "clone", "Stores a copy of a profile.", s.clone)
}

// show is a stored profile as a class.
func (s *Responses) show(p catalog.ResponseProfile) (*ResponseProfile, error) {
	out := &ResponseProfile{}
	if len(p.Body) > 0 {
		if err := s.reg.Unmarshal(p.Body, &out.DetachedResponseProfile); err != nil {
			return nil, err
		}
	}
	out.Name, out.SystemName = new(p.Name), kaltura.Opt(p.SystemName)
	out.ID, out.PartnerID, out.Status, out.Version = new(rpc.ID64(p.ID)), new(int64(p.Account)), new(ResponseProfileStatus(p.Status)), new(p.Version)
	out.CreatedAt, out.UpdatedAt = kaltura.At(p.CreatedAt.Time()), kaltura.At(p.UpdatedAt.Time())
	return out, nil
}

// store sets the row from a class.
func (s *Responses) store(in *ResponseProfile, p *catalog.ResponseProfile) error {
	body, err := s.reg.Marshal(&in.DetachedResponseProfile)
	if err != nil {
		return err
	}
	p.Name, p.SystemName, p.Body = kaltura.Value(in.Name), kaltura.Value(in.SystemName), body
	return nil
}

func (s *Responses) taken(err error, name *string) error {
	if errors.Is(err, catalog.ErrConflict) {
		return rpc.E("RESPONSE_PROFILE_DUPLICATE_SYSTEM_NAME", "SYSTEM_NAME", kaltura.Value(name)).Because(err)
	}
	return nameTaken(err, name)
}

func (s *Responses) add(c *rpc.Call, in struct {
	Profile *ResponseProfile `k:"addResponseProfile" for:"add" required:"true"`
}) (*ResponseProfile, error) {
	if len(kaltura.Value(in.Profile.Name)) < 2 {
		return nil, rpc.E("PROPERTY_VALIDATION_MIN_LENGTH", "PROP_NAME", "KalturaResponseProfile::name", "MIN_LEN", "2")
	}
	p := catalog.ResponseProfile{Status: responseEnabled, Version: 1}
	if err := s.store(in.Profile, &p); err != nil {
		return nil, err
	}
	p, err := s.Catalog.AddResponseProfile(c, c.AccountID(), p)
	if err != nil {
		return nil, s.taken(err, in.Profile.SystemName)
	}
	return s.show(p)
}

func (s *Responses) get(c *rpc.Call, in struct {
	ID int64 `k:"id" ref:"responseProfile"`
}) (*ResponseProfile, error) {
	p, err := s.Catalog.ResponseProfile(c, c.AccountID(), in.ID)
	if err != nil {
		return nil, orMissing(err, "RESPONSE_PROFILE_ID_NOT_FOUND", in.ID)
	}
	return s.show(p)
}

func (s *Responses) update(c *rpc.Call, in struct {
	ID      int64            `k:"id" ref:"responseProfile"`
	Profile *ResponseProfile `k:"updateResponseProfile" for:"update" required:"true"`
}) (*ResponseProfile, error) {
	p, err := s.Catalog.UpdateResponseProfile(c, c.AccountID(), in.ID, func(p *catalog.ResponseProfile) error {
		old, err := s.show(*p)
		if err != nil {
			return err
		}
		rpc.Merge(old, in.Profile)
		p.Version++
		return s.store(old, p)
	})
	if err != nil {
		return nil, s.taken(orMissing(err, "RESPONSE_PROFILE_ID_NOT_FOUND", in.ID), in.Profile.SystemName)
	}
	return s.show(p)
}

func (s *Responses) updateStatus(c *rpc.Call, in struct {
	ID     int64                 `k:"id" ref:"responseProfile"`
	Status ResponseProfileStatus `k:"status"`
}) (*ResponseProfile, error) {
	p, err := s.Catalog.UpdateResponseProfile(c, c.AccountID(), in.ID, func(p *catalog.ResponseProfile) error {
		p.Status = int(in.Status)
		return nil
	})
	if err != nil {
		return nil, orMissing(err, "RESPONSE_PROFILE_ID_NOT_FOUND", in.ID)
	}
	return s.show(p)
}

func (s *Responses) delete(c *rpc.Call, in struct {
	ID int64 `k:"id" ref:"responseProfile"`
}) (rpc.Void, error) {
	return rpc.Void{}, orMissing(s.Catalog.DeleteResponseProfile(c, c.AccountID(), in.ID), "RESPONSE_PROFILE_ID_NOT_FOUND", in.ID)
}

func (s *Responses) list(c *rpc.Call, in struct {
	Filter *responseFilter `k:"filter"`
	Pager  *rpc.Pager      `k:"pager"`
}) (*rpc.List[*ResponseProfile], error) {
	var q catalog.Query
	if in.Filter != nil {
		q.Conds, q.Order = in.Filter.Conds, in.Filter.Order
	}
	rows, total, err := s.Catalog.ListResponseProfiles(c, c.AccountID(), withPage(q, in.Pager))
	if err != nil {
		return nil, err
	}
	list := &rpc.List[*ResponseProfile]{TotalCount: total}
	for _, p := range rows {
		k, err := s.show(p)
		if err != nil {
			return nil, err
		}
		list.Objects = append(list.Objects, k)
	}
	return list, nil
}

func (s *Responses) clone(c *rpc.Call, in struct {
	ID      int64            `k:"id" ref:"responseProfile"`
	Profile *ResponseProfile `k:"profile" for:"add" required:"true"`
}) (*ResponseProfile, error) {
	p, err := s.Catalog.ResponseProfile(c, c.AccountID(), in.ID)
	if err != nil {
		return nil, orMissing(err, "RESPONSE_PROFILE_ID_NOT_FOUND", in.ID)
	}
	copied, err := s.show(p)
	if err != nil {
		return nil, err
	}
	copied.SystemName = nil // names are not taken along
	rpc.Merge(copied, in.Profile)
	made := catalog.ResponseProfile{Status: responseEnabled, Version: 1}
	if err := s.store(copied, &made); err != nil {
		return nil, err
	}
	if made, err = s.Catalog.AddResponseProfile(c, c.AccountID(), made); err != nil {
		return nil, s.taken(err, copied.SystemName)
	}
	return s.show(made)
}

// ResponseProfile implements rpc.Profiles.
func (s *Responses) ResponseProfile(ctx context.Context, account catalog.AccountID, id int64, name string) (*rpc.DetachedResponseProfile, error) {
	q := catalog.Query{Limit: 1, Order: []catalog.Order{{Field: "id", Desc: true}}, Conds: []catalog.Cond{{Field: "status", Op: catalog.OpEq, Values: []any{int64(responseEnabled)}}}}
	if id != 0 {
		q.Conds = append(q.Conds, catalog.Cond{Field: "id", Op: catalog.OpEq, Values: []any{id}})
	} else {
		q.Conds = append(q.Conds, catalog.Cond{Field: "systemName", Op: catalog.OpEq, Values: []any{name}})
	}
	rows, _, err := s.Catalog.ListResponseProfiles(ctx, account, q)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	p, err := s.show(rows[0])
	if err != nil {
		return nil, err
	}
	return &p.DetachedResponseProfile, nil
}

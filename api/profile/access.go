package profile

import (
	"errors"
	"strconv"

	"sluice/api/rpc"
	"sluice/api/rpc/kaltura"
	"sluice/catalog"
)

// Access is the accessControlProfile service.
type Access struct{ Catalog *catalog.DB }

// Register adds the service and its actions.
func (s *Access) Register(r *rpc.Registry) {
	kaltura.AddAccessControl(r)
	svc := r.Service("accessControlProfile", "Rules about who may play, download and picture entries.")
	rpc.Action(svc, "add", "Adds a profile.", s.add)
	rpc.Action(svc, "get", "Returns a profile.", s.get)
	rpc.Action(svc, "update", "Changes what is sent of a profile; rules are replaced as a whole.", s.update)
	rpc.Action(svc, "delete", "Deletes a profile; entries that name it fall back to the account's default.", s.delete)
	rpc.Action(svc, "list", "Lists profiles.", s.list)
}

func (s *Access) add(c *rpc.Call, in struct {
	Profile *kaltura.AccessControlProfile `k:"accessControlProfile" for:"add" required:"true"`
}) (*kaltura.AccessControlProfile, error) {
	if kaltura.Value(in.Profile.Name) == "" {
		return nil, rpc.E("PROPERTY_VALIDATION_CANNOT_BE_NULL", "PROP_NAME", "KalturaAccessControlProfile::name")
	}
	p := catalog.AccessControl{Rules: []catalog.AccessRule{}}
	if err := in.Profile.Update(&p); err != nil {
		return nil, err
	}
	p, err := s.Catalog.AddAccessControl(c, c.AccountID(), p)
	if err != nil {
		return nil, taken(err, in.Profile)
	}
	return kaltura.AccessControlProfileOf(p), nil
}

func (s *Access) get(c *rpc.Call, in struct {
	ID int64 `k:"id" ref:"accessControlProfile"`
}) (*kaltura.AccessControlProfile, error) {
	p, err := s.Catalog.AccessControl(c, c.AccountID(), in.ID)
	if err != nil {
		return nil, missing(err, in.ID)
	}
	return kaltura.AccessControlProfileOf(p), nil
}

func (s *Access) update(c *rpc.Call, in struct {
	ID      int64                         `k:"id" ref:"accessControlProfile"`
	Profile *kaltura.AccessControlProfile `k:"accessControlProfile" for:"update" required:"true"`
}) (*kaltura.AccessControlProfile, error) {
	p, err := s.Catalog.UpdateAccessControl(c, c.AccountID(), in.ID, in.Profile.Update)
	if err != nil {
		return nil, taken(missing(err, in.ID), in.Profile)
	}
	return kaltura.AccessControlProfileOf(p), nil
}

func (s *Access) delete(c *rpc.Call, in struct {
	ID int64 `k:"id" ref:"accessControlProfile"`
}) (rpc.Void, error) {
	err := s.Catalog.DeleteAccessControl(c, c.AccountID(), in.ID)
	if errors.Is(err, catalog.ErrConflict) {
		return rpc.Void{}, rpc.E("CANNOT_DELETE_DEFAULT_ACCESS_CONTROL")
	}
	return rpc.Void{}, missing(err, in.ID)
}

func (s *Access) list(c *rpc.Call, in struct {
	Filter *rpc.FilterOf[kaltura.AccessControlProfile] `k:"filter"`
	Pager  *rpc.Pager                                  `k:"pager"`
}) (*rpc.List[*kaltura.AccessControlProfile], error) {
	var q catalog.Query
	if in.Filter != nil {
		q.Conds, q.Order = in.Filter.Conds, in.Filter.Order
	}
	q.Offset, q.Limit = in.Pager.Page()
	profiles, total, err := s.Catalog.AccessControls(c, c.AccountID(), q)
	if err != nil {
		return nil, err
	}
	out := &rpc.List[*kaltura.AccessControlProfile]{TotalCount: total, Objects: []*kaltura.AccessControlProfile{}}
	for _, p := range profiles {
		out.Objects = append(out.Objects, kaltura.AccessControlProfileOf(p))
	}
	return out, nil
}

// missing is the exception for a profile that the account does not have.
func missing(err error, id int64) error {
	if errors.Is(err, catalog.ErrNotFound) {
		return rpc.E("ACCESS_CONTROL_ID_NOT_FOUND", "ID", strconv.FormatInt(id, 10))
	}
	return err
}

// taken is the exception for a system name that another profile has.
func taken(err error, p *kaltura.AccessControlProfile) error {
	if errors.Is(err, catalog.ErrConflict) {
		return rpc.E("SYSTEM_NAME_ALREADY_EXISTS", "SYS_NAME", kaltura.Value(p.SystemName))
	}
	return err
}

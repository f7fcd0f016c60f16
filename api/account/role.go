package account

import (
	"strconv"

	"sluice/api/rpc"
	"sluice/api/rpc/kaltura"
)

func (s *Service) registerRole(r *rpc.Registry) {
	v := r.Service("userRole", "Tells of the roles that sessions may run with.")
	rpc.Action(v, "get", "Returns a role.", s.getRole, rpc.For(rpc.AdminSession))
	rpc.Action(v, "list", "Lists the roles of the account and of the platform.", s.listRoles, rpc.For(rpc.AdminSession))
}

func (s *Service) getRole(c *rpc.Call, in struct {
	ID int64 `k:"userRoleId" ref:"userRole"`
}) (*kaltura.UserRole, error) {
	role, err := s.Catalog.Role(c, c.AccountID(), in.ID)
	if err != nil {
		return nil, wire(err, rpc.E("INVALID_OBJECT_ID", "ID", strconv.FormatInt(in.ID, 10)), "userRoleId")
	}
	return kaltura.UserRoleOf(role), nil
}

func (s *Service) listRoles(c *rpc.Call, in struct {
	Filter *rpc.FilterOf[kaltura.UserRole] `k:"filter"`
	Pager  *rpc.Pager                      `k:"pager"`
}) (*rpc.List[*kaltura.UserRole], error) {
	var f *rpc.Filter
	if in.Filter != nil {
		f = &in.Filter.Filter
	}
	rows, total, err := s.Catalog.Roles(c, c.AccountID(), query(f, in.Pager))
	return page(rows, total, err, kaltura.UserRoleOf)
}

package kaltura

import (
	"sluice/api/rpc"
	"sluice/catalog"
)

// UserRole says which actions sessions may call (§5.22 of the API contract). PermissionNames are patterns: service.action,
// service.* or *.
type UserRole struct {
	rpc.Object
	ID              *int64          `k:"id,ro" f:"eq,in"`
	Name            *string         `k:"name" f:"eq,in,order"`
	SystemName      *string         `k:"systemName" f:"eq,in"`
	Description     *string         `k:"description" f:"like"`
	Status          *UserRoleStatus `k:"status" f:"eq,in"`
	PartnerID       *int64          `k:"partnerId,ro" f:"eq,in"`
	PermissionNames *string         `k:"permissionNames"`
	Tags            *string         `k:"tags" f:"mlikeor,mlikeand"`
	CreatedAt       *rpc.Time       `k:"createdAt,ro" f:"gte,lte,order"`
	UpdatedAt       *rpc.Time       `k:"updatedAt,ro" f:"gte,lte,order"`
}

// UserRoleOf is a role on the wire.
func UserRoleOf(r catalog.Role) *UserRole {
	return &UserRole{
		ID: new(r.ID), Name: new(r.Name), SystemName: Opt(r.SystemName), Description: Opt(r.Description),
		Status: new(UserRoleStatus(r.Status)), PartnerID: new(int64(r.Account)), PermissionNames: new(r.Permissions), Tags: Opt(r.Tags),
		CreatedAt: At(r.CreatedAt.Time()), UpdatedAt: At(r.UpdatedAt.Time()),
	}
}

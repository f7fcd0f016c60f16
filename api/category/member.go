package category

import (
	"cmp"
	"errors"
	"strconv"

	"sluice/api/rpc"
	"sluice/api/rpc/access"
	"sluice/api/rpc/kaltura"
	"sluice/catalog"
)

var (
	levels   = rpc.NewEnum("KalturaCategoryUserPermissionLevel", "MANAGER=0 MODERATOR=1 CONTRIBUTOR=2 MEMBER=3 NONE=4")
	memberAs = rpc.NewEnum("KalturaCategoryUserStatus", "ACTIVE=1 PENDING=2 NOT_ACTIVE=3 DELETED=4")
	methods  = rpc.NewEnum("KalturaUpdateMethodType", "MANUAL=0 AUTOMATIC=1")
)

// Enums of members.
type (
	Level        int
	MemberStatus int
	Method       int
)

// Enum implements rpc.Enumerated, here and below.
func (Level) Enum() *rpc.Enum        { return levels }
func (MemberStatus) Enum() *rpc.Enum { return memberAs }
func (Method) Enum() *rpc.Enum       { return methods }

// CategoryUser says that a user is a member of a category.
type CategoryUser struct { //nolint:revive // named as on the wire
	rpc.Object
	CategoryID      *int64        `k:"categoryId,io" f:"eq,in"`
	UserID          *string       `k:"userId,io,min=1,max=100" f:"eq,in"`
	PartnerID       *int64        `k:"partnerId,ro"`
	PermissionLevel *Level        `k:"permissionLevel" f:"eq,in"`
	Status          *MemberStatus `k:"status,ro" f:"eq,in"`
	CreatedAt       *rpc.Time     `k:"createdAt,ro" f:"gte,lte,order"`
	UpdatedAt       *rpc.Time     `k:"updatedAt,ro" f:"gte,lte,order"`
	UpdateMethod    *Method       `k:"updateMethod" f:"eq,in"`
	CategoryFullIDs *string       `k:"categoryFullIds,ro" f:"eq,likex"`
	PermissionNames *string       `k:"permissionNames,max=4096" f:"matchand,matchor,notcontains"`
}

func (s *Service) registerMembers(r *rpc.Registry) {
	rpc.FilterExtras[CategoryUser](r, "categoryDirectMembers", "freeText", "relatedGroupsByUserId")
	svc := r.Service("categoryUser", "Who are the members of categories.")
	rpc.Action(svc, "add", "Makes a user a member of a category, or asks that the session's own becomes one.", s.memberAdd)
	rpc.Action(svc, "get", "Returns what a user is in a category.", s.memberGet)
	rpc.Action(svc, "update", "Changes what a user is in a category.", s.memberUpdate)
	rpc.Action(svc, "delete", "Ends a membership.", s.memberDelete)
	rpc.Action(svc, "activate", "Approves of a member.", s.memberActivate)
	rpc.Action(svc, "deactivate", "Suspends a member, or refuses one who asked.", s.memberDeactivate)
	rpc.Action(svc, "list", "Lists the members of categories, or the categories of users.", s.memberList)
	rpc.Action(svc, "copyFromCategory", "Makes the members of the category above members of this one.", s.memberCopy)
}

func memberOf(u catalog.CategoryUser, row catalog.Category) *CategoryUser {
	return &CategoryUser{
		CategoryID: new(int64(u.Category)), UserID: new(u.User), PartnerID: new(int64(u.Account)), PermissionLevel: new(Level(u.Level)),
		Status: new(MemberStatus(u.Status)), CreatedAt: kaltura.At(u.CreatedAt.Time()), UpdatedAt: kaltura.At(u.UpdatedAt.Time()),
		UpdateMethod: new(Method(u.Method)), CategoryFullIDs: kaltura.Opt(row.FullIDs), PermissionNames: kaltura.Opt(u.Permissions),
	}
}

// managed returns a category, and whether the call may change its members.
func (s *Service) managed(c *rpc.Call, id int64) (catalog.Category, bool, error) {
	row, err := s.Catalog.Category(c, c.AccountID(), catalog.CategoryID(id))
	if err != nil {
		return row, false, failure(err, id, "")
	}
	level, err := access.CategoryLevel(c, s.Catalog, row)
	return row, level == catalog.LevelManager, err
}

// own is managed for a change of members: of a category that inherits them, there are none to change.
func (s *Service) own(c *rpc.Call, id int64) (catalog.Category, bool, error) {
	row, manager, err := s.managed(c, id)
	if err == nil && row.Policy().Inherits {
		err = rpc.E("CATEGORY_INHERIT_MEMBERS", "CAT", strconv.FormatInt(id, 10))
	}
	return row, manager, err
}

// noMember is the exception for a user who is no member.
func noMember(category int64, user string) error {
	return rpc.E("INVALID_CATEGORY_USER_ID", "CAT", strconv.FormatInt(category, 10), "USER", user)
}

// memberFailure is an error of the catalog as the exception for a call about a member.
func memberFailure(err error, category int64, user string) error {
	switch {
	case errors.Is(err, catalog.ErrConflict):
		return rpc.E("CATEGORY_USER_ALREADY_EXISTS").Because(err)
	case errors.Is(err, catalog.ErrNotFound):
		return noMember(category, user)
	case errors.Is(err, catalog.ErrInvalid):
		return rpc.E("INVALID_PARAMETER_VALUE", "PARAM_NAME", "categoryUser").Because(err)
	}
	return err
}

func (s *Service) memberAdd(c *rpc.Call, in struct {
	Member *CategoryUser `k:"categoryUser" for:"add" required:"true"`
}) (*CategoryUser, error) {
	for name, missing := range map[string]bool{"categoryId": in.Member.CategoryID == nil, "userId": in.Member.UserID == nil} {
		if missing {
			return nil, rpc.E("PROPERTY_VALIDATION_CANNOT_BE_NULL", "PROP_NAME", "KalturaCategoryUser::"+name)
		}
	}
	id, user := *in.Member.CategoryID, *in.Member.UserID
	row, manager, err := s.own(c, id)
	if err != nil {
		return nil, err
	}
	policy := row.Policy()
	u := catalog.CategoryUser{Category: row.ID, User: user, Level: policy.Default, Status: catalog.MemberActive}
	switch join := policy.Join; {
	case manager:
		in.Member.into(&u)
	case user != c.User() || user == "0" || join != catalog.JoinAtOnce && join != catalog.JoinByApproval:
		return nil, rpc.E("CATEGORY_USER_JOIN_NOT_ALLOWED", "CAT", strconv.FormatInt(id, 10))
	case join == catalog.JoinByApproval:
		u.Status = catalog.MemberPending
	}
	if _, err := s.Catalog.EnsureUser(c, c.AccountID(), user); err != nil {
		return nil, memberFailure(err, id, user)
	}
	if u, err = s.Catalog.AddCategoryUser(c, c.AccountID(), u); err != nil {
		return nil, memberFailure(err, id, user)
	}
	return memberOf(u, row), nil
}

// into makes a membership what was sent of it.
func (in *CategoryUser) into(u *catalog.CategoryUser) {
	if in.PermissionLevel != nil {
		u.Level = catalog.MemberLevel(*in.PermissionLevel)
	}
	if in.UpdateMethod != nil {
		u.Method = int(*in.UpdateMethod)
	}
	if in.PermissionNames != nil || in.Cleared("permissionNames") {
		u.Permissions = kaltura.Value(in.PermissionNames)
	}
}

type memberIn struct {
	Category int64  `k:"categoryId" ref:"category"`
	User     string `k:"userId" ref:"user"`
}

func (s *Service) memberGet(c *rpc.Call, in memberIn) (*CategoryUser, error) {
	row, manager, err := s.managed(c, in.Category)
	if err != nil {
		return nil, err
	}
	if !manager && in.User != c.User() {
		return nil, noMember(in.Category, in.User)
	}
	of, err := s.Catalog.MembersOf(c, row)
	if err != nil {
		return nil, err
	}
	u, err := s.Catalog.CategoryUser(c, c.AccountID(), of, in.User)
	if err != nil {
		return nil, memberFailure(err, in.Category, in.User)
	}
	u.Category = row.ID
	return memberOf(u, row), nil
}

func (s *Service) memberUpdate(c *rpc.Call, in struct {
	Category int64         `k:"categoryId" ref:"category"`
	User     string        `k:"userId" ref:"user"`
	Member   *CategoryUser `k:"categoryUser" for:"update" required:"true"`
	Override bool          `k:"override" default:"false"`
}) (*CategoryUser, error) {
	return s.memberChange(c, memberIn{in.Category, in.User}, false, func(u *catalog.CategoryUser) error {
		if u.Method == catalog.MemberManual && kaltura.Value(in.Member.UpdateMethod) == catalog.MemberAutomatic && !in.Override {
			return rpc.E("CANNOT_OVERRIDE_MANUAL_CHANGES")
		}
		in.Member.into(u)
		return nil
	})
}

func (s *Service) memberActivate(c *rpc.Call, in memberIn) (*CategoryUser, error) {
	return s.memberChange(c, in, false, func(u *catalog.CategoryUser) error { u.Status = catalog.MemberActive; return nil })
}

func (s *Service) memberDeactivate(c *rpc.Call, in memberIn) (*CategoryUser, error) {
	return s.memberChange(c, in, true, func(u *catalog.CategoryUser) error { u.Status = catalog.MemberNotActive; return nil })
}

// memberChange changes a membership: managers may, and with self the user itself.
func (s *Service) memberChange(c *rpc.Call, in memberIn, self bool, fn func(*catalog.CategoryUser) error) (*CategoryUser, error) {
	row, err := s.memberMay(c, in, self)
	if err != nil {
		return nil, err
	}
	u, err := s.Catalog.UpdateCategoryUser(c, c.AccountID(), row.ID, in.User, fn)
	if err != nil {
		return nil, memberFailure(err, in.Category, in.User)
	}
	return memberOf(u, row), nil
}

func (s *Service) memberMay(c *rpc.Call, in memberIn, self bool) (catalog.Category, error) {
	row, manager, err := s.own(c, in.Category)
	if err == nil && !manager && (!self || in.User != c.User()) {
		err = rpc.E("CANNOT_UPDATE_CATEGORY_USER")
	}
	return row, err
}

func (s *Service) memberDelete(c *rpc.Call, in memberIn) (rpc.Void, error) {
	row, err := s.memberMay(c, in, true)
	if err != nil {
		return rpc.Void{}, err
	}
	err = s.Catalog.RemoveCategoryUser(c, c.AccountID(), row.ID, in.User)
	return rpc.Void{}, memberFailure(err, in.Category, in.User)
}

func (s *Service) memberCopy(c *rpc.Call, in struct {
	Category int64 `k:"categoryId" ref:"category"`
}) (rpc.Void, error) {
	row, manager, err := s.own(c, in.Category)
	if err == nil && !manager {
		err = rpc.E("CANNOT_UPDATE_CATEGORY_USER")
	}
	if err != nil {
		return rpc.Void{}, err
	}
	above, err := s.Catalog.Category(c, c.AccountID(), row.Parent)
	if errors.Is(err, catalog.ErrNotFound) {
		return rpc.Void{}, rpc.E("PARENT_CATEGORY_NOT_FOUND", "ID", strconv.FormatInt(int64(row.Parent), 10))
	}
	if err != nil {
		return rpc.Void{}, err
	}
	from, err := s.Catalog.MembersOf(c, above)
	if err != nil {
		return rpc.Void{}, err
	}
	return rpc.Void{}, s.Catalog.CopyMembers(c, c.AccountID(), from, row.ID)
}

func (s *Service) memberList(c *rpc.Call, in struct {
	Filter *rpc.FilterOf[CategoryUser] `k:"filter"`
	Pager  *rpc.Pager                  `k:"pager"`
}) (*rpc.List[*CategoryUser], error) {
	f := in.Filter
	if f == nil || !f.Filters("categoryId") && !f.Filters("userId") && !f.Filters("categoryFullIds") && f.Extra["relatedGroupsByUserId"] == "" {
		return nil, rpc.E("MUST_FILTER_USERS_OR_CATEGORY")
	}
	q, err := s.memberQuery(c, &f.Filter)
	if err != nil {
		return nil, err
	}
	q.Offset, q.Limit = in.Pager.Page()
	rows, total, err := s.Catalog.CategoryUsers(c, c.AccountID(), q)
	if err != nil {
		return nil, err
	}
	known := seen{}
	out := &rpc.List[*CategoryUser]{TotalCount: total, Objects: []*CategoryUser{}}
	for _, u := range rows {
		row, err := s.look(c, known, u.Category)
		if err != nil {
			return nil, err
		}
		out.Objects = append(out.Objects, memberOf(u, row))
	}
	return out, nil
}

// memberQuery is what a filter asks for. Of a category that inherits its members, these are listed, unless direct ones are asked
// for. Those who are no manager of the category see themselves only.
func (s *Service) memberQuery(c *rpc.Call, f *rpc.Filter) (catalog.MemberQuery, error) {
	q := catalog.MemberQuery{Text: f.Extra["freeText"]}
	q.Order = f.Order
	manager := !access.Enforced(c.Session)
	for _, cond := range f.Conds {
		if cond.Field == "categoryFullIds" {
			cond.Field = "fullIds"
			q.FullIDs = append(q.FullIDs, cond)
			continue
		}
		if id, ok := first(cond.Values); ok && cond.Field == "categoryId" && cond.Op == catalog.OpEq {
			row, may, err := s.managed(c, id)
			if err != nil {
				return q, err
			}
			manager = manager || may
			if direct := f.Extra["categoryDirectMembers"]; direct != "1" && direct != "true" {
				of, err := s.Catalog.MembersOf(c, row)
				if err != nil {
					return q, err
				}
				cond.Values = []any{int64(of)}
			}
		}
		q.Conds = append(q.Conds, cond)
	}
	user := f.Extra["relatedGroupsByUserId"] // there are no groups: the user itself is all
	if !manager {
		user = cmp.Or(c.User(), "0")
		if related := f.Extra["relatedGroupsByUserId"]; related != "" && related != user {
			q.Conds = append(q.Conds, catalog.Cond{Field: "userId", Op: catalog.OpEq, Values: []any{related}})
		}
	}
	if user != "" {
		q.Conds = append(q.Conds, catalog.Cond{Field: "userId", Op: catalog.OpEq, Values: []any{user}})
	}
	return q, nil
}

func first(values []any) (int64, bool) {
	if len(values) == 0 {
		return 0, false
	}
	n, ok := values[0].(int64)
	return n, ok
}

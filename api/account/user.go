package account

import (
	"errors"
	"strconv"

	"sluice/api/rpc"
	"sluice/api/rpc/kaltura"
	"sluice/catalog"
)

func (s *Service) registerUser(r *rpc.Registry) {
	v := r.Service("user", "Keeps the users of an account.")
	rpc.Action(v, "add", "Adds a user.", s.addUser, rpc.For(rpc.AdminSession))
	rpc.Action(v, "get", "Returns a user: the session's own unless another is named.", s.getUser)
	rpc.Action(v, "update", "Changes a user.", s.updateUser)
	rpc.Action(v, "delete", "Deletes a user.", s.deleteUser, rpc.For(rpc.AdminSession))
	rpc.Action(v, "list", "Lists users.", s.listUsers, rpc.For(rpc.AdminSession))
	rpc.Action(v, "login", "Starts a session with a user's password.", s.login, rpc.For(rpc.Public))
	rpc.Action(v, "loginByLoginId", "Starts a session with a login and its password.", s.loginByLoginID, rpc.For(rpc.Public))
}

// noUser is the exception for a user that is not there, or not for this session.
func noUser() *rpc.Error { return rpc.E("INVALID_USER_ID") }

func (s *Service) addUser(c *rpc.Call, in struct {
	User *kaltura.User `k:"user" for:"add" required:"true"`
}) (*kaltura.User, error) {
	if kaltura.Value(in.User.ID) == "" {
		return nil, rpc.E("PROPERTY_VALIDATION_CANNOT_BE_NULL", "PROP_NAME", "KalturaUser::id")
	}
	u := catalog.User{Status: catalog.UserActive, StatusAt: catalog.StampOf(c.Now)}
	in.User.Apply(&u)
	if err := s.credentials(c, in.User, &u); err != nil {
		return nil, err
	}
	made, err := s.Catalog.AddUser(c, c.AccountID(), u)
	if errors.Is(err, catalog.ErrConflict) {
		return nil, rpc.E("DUPLICATE_USER_BY_ID", "UID", u.ID).Because(err)
	}
	if err != nil {
		return nil, wire(err, noUser(), "user")
	}
	return s.wireUser(c, made), nil
}

// credentials sets a user's role, login and password from what was sent.
func (s *Service) credentials(c *rpc.Call, sent *kaltura.User, u *catalog.User) error {
	if sent.RoleIDs != nil {
		role, err := strconv.ParseInt(*sent.RoleIDs, 10, 64)
		if *sent.RoleIDs != "" && err != nil {
			return rpc.E("UNKNOWN_ROLE_ID").Because(err)
		}
		if role != 0 {
			if _, err := s.Catalog.Role(c, c.AccountID(), role); err != nil {
				return wire(err, rpc.E("UNKNOWN_ROLE_ID"), "roleIds")
			}
		}
		u.Role = role
	}
	if sent.LoginEnabled != nil {
		u.LoginEnabled = *sent.LoginEnabled
	}
	if sent.Password != nil {
		hash, err := hashPassword(c, *sent.Password)
		if errors.Is(err, errPassword) {
			return rpc.E("PROPERTY_VALIDATION_WRONG_FORMAT", "PROP_NAME", "KalturaUser::password", "FORMAT", err.Error())
		}
		if err != nil {
			return err
		}
		u.Password, u.LoginEnabled = hash, true
	}
	if u.LoginEnabled {
		if u.Login = u.Email; u.Login == "" {
			return rpc.E("PROPERTY_VALIDATION_CANNOT_BE_NULL", "PROP_NAME", "KalturaUser::email")
		}
		if u.Password == "" {
			return rpc.E("PROPERTY_VALIDATION_CANNOT_BE_NULL", "PROP_NAME", "KalturaUser::password")
		}
	}
	return nil
}

// wireUser is a user on the wire, with the name of its role.
func (s *Service) wireUser(c *rpc.Call, u catalog.User) *kaltura.User {
	w := kaltura.UserOf(u)
	if u.Role != 0 {
		role, err := s.Sessions.role(c, u.Account, strconv.FormatInt(u.Role, 10))
		if err == nil {
			w.RoleNames = new(role.Name)
		}
	}
	return w
}

// mine says whether the session may have to do with a user: administrators with all, others with themselves.
func mine(c *rpc.Call, id string) bool { return c.Admin() || id != "" && id == c.User() }

func (s *Service) getUser(c *rpc.Call, in struct {
	ID string `k:"userId" default:"" ref:"user"`
}) (*kaltura.User, error) {
	if in.ID == "" {
		in.ID = c.User()
	}
	if !mine(c, in.ID) {
		return nil, noUser()
	}
	u, err := s.Catalog.User(c, c.AccountID(), in.ID)
	if err != nil {
		return nil, wire(err, noUser(), "userId")
	}
	return s.wireUser(c, u), nil
}

// adminFields are those that only administrators change.
var adminFields = []string{"isAdmin", "roleIds", "ksPrivileges", "adminTags", "status", "type", "id"}

func (s *Service) updateUser(c *rpc.Call, in struct {
	ID   string        `k:"userId" ref:"user"`
	User *kaltura.User `k:"user" for:"update" required:"true"`
}) (*kaltura.User, error) {
	if !mine(c, in.ID) {
		return nil, noUser()
	}
	if !c.Admin() {
		for _, f := range adminFields {
			if in.User.Sent(f) || in.User.Cleared(f) {
				return nil, rpc.E("PROPERTY_VALIDATION_ADMIN_PROPERTY", "PROP_NAME", "KalturaUser::"+f)
			}
		}
	}
	if in.User.ID != nil && *in.User.ID != in.ID {
		return nil, rpc.E("PROPERTY_VALIDATION_NOT_UPDATABLE", "PROP_NAME", "KalturaUser::id")
	}
	var chosen catalog.User // hashing a password takes long; it is done outside the transaction
	old, err := s.Catalog.User(c, c.AccountID(), in.ID)
	if err != nil {
		return nil, wire(err, noUser(), "userId")
	}
	chosen = old
	merged := kaltura.UserOf(old)
	rpc.Merge(merged, in.User)
	merged.Apply(&chosen)
	if err := s.credentials(c, in.User, &chosen); err != nil {
		return nil, err
	}
	u, err := s.Catalog.UpdateUser(c, c.AccountID(), in.ID, func(u *catalog.User) error {
		now := kaltura.UserOf(*u)
		rpc.Merge(now, in.User)
		before := u.Status
		now.Apply(u)
		if u.Status != before {
			u.StatusAt = catalog.StampOf(c.Now)
		}
		u.ID, u.Role, u.Password, u.Login = in.ID, chosen.Role, chosen.Password, chosen.Login
		u.LoginEnabled = chosen.LoginEnabled
		return nil
	})
	if errors.Is(err, catalog.ErrConflict) {
		return nil, rpc.E("DUPLICATE_USER_BY_ID", "UID", in.ID).Because(err)
	}
	if err != nil {
		return nil, wire(err, noUser(), "user")
	}
	return s.wireUser(c, u), nil
}

func (s *Service) deleteUser(c *rpc.Call, in struct {
	ID string `k:"userId" ref:"user"`
}) (*kaltura.User, error) {
	u, err := s.Catalog.User(c, c.AccountID(), in.ID)
	if err == nil {
		err = s.Catalog.DeleteUser(c, c.AccountID(), in.ID)
	}
	if err != nil {
		return nil, wire(err, noUser(), "userId")
	}
	u.Status = catalog.UserDeleted
	return s.wireUser(c, u), nil
}

func (s *Service) listUsers(c *rpc.Call, in struct {
	Filter *rpc.FilterOf[kaltura.User] `k:"filter"`
	Pager  *rpc.Pager                  `k:"pager"`
}) (*rpc.List[*kaltura.User], error) {
	var f *rpc.Filter
	if in.Filter != nil {
		f = &in.Filter.Filter
	}
	rows, total, err := s.Catalog.Users(c, c.AccountID(), query(f, in.Pager))
	return page(rows, total, err, kaltura.UserOf)
}

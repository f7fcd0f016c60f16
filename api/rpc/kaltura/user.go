package kaltura

import (
	"strconv"

	"sluice/api/rpc"
	"sluice/catalog"
)

// BaseUser is what users and groups have in common.
type BaseUser struct {
	rpc.Object
	ID              *string     `k:"id,min=1,max=100" f:"eq,in"`
	PartnerID       *int64      `k:"partnerId,ro" f:"eq"`
	ScreenName      *string     `k:"screenName,max=1000" f:"like,likex"`
	FullName        *string     `k:"fullName,max=1000"`
	Email           *string     `k:"email,max=1000" f:"like,likex"`
	Country         *string     `k:"country,max=1000"`
	State           *string     `k:"state,max=1000"`
	City            *string     `k:"city,max=1000"`
	Zip             *string     `k:"zip,max=1000"`
	ThumbnailURL    *string     `k:"thumbnailUrl,max=4096"`
	Description     *string     `k:"description,max=4096"`
	Tags            *string     `k:"tags,max=4096" f:"mlikeor,mlikeand"`
	AdminTags       *string     `k:"adminTags,max=4096"`
	Status          *UserStatus `k:"status" f:"eq,in"`
	CreatedAt       *rpc.Time   `k:"createdAt,ro" f:"gte,lte,order"`
	UpdatedAt       *rpc.Time   `k:"updatedAt,ro" f:"order"`
	PartnerData     *string     `k:"partnerData,max=4096"`
	StorageSize     *int64      `k:"storageSize,ro"`
	Language        *string     `k:"language,max=100"`
	LastLoginTime   *rpc.Time   `k:"lastLoginTime,ro"`
	StatusUpdatedAt *rpc.Time   `k:"statusUpdatedAt,ro"`
	DeletedAt       *rpc.Time   `k:"deletedAt,ro"`
}

// User is someone that an account knows (§5.22 of the API contract).
type User struct {
	BaseUser
	Type           *UserType `k:"type" f:"eq,in"`
	DateOfBirth    *rpc.Time `k:"dateOfBirth"`
	Gender         *Gender   `k:"gender"`
	IsAdmin        *bool     `k:"isAdmin" f:"eq"`
	RoleIDs        *string   `k:"roleIds,max=100"`
	RoleNames      *string   `k:"roleNames,ro"`
	IsAccountOwner *bool     `k:"isAccountOwner,ro"`
	Password       *string   `k:"password,wo"`
	FirstName      *string   `k:"firstName,max=1000" f:"likex"`
	LastName       *string   `k:"lastName,max=1000" f:"likex"`
	LoginEnabled   *bool     `k:"loginEnabled,io" f:"eq"`
	Title          *string   `k:"title,max=1000"`
	Company        *string   `k:"company,max=1000"`
	KSPrivileges   *string   `k:"ksPrivileges,max=4096"`
	ExternalID     *string   `k:"externalId,max=1000"`
}

// UserOf is a user on the wire.
func UserOf(u catalog.User) *User {
	d := u.Details
	w := &User{
		BaseUser: BaseUser{
			ID: new(u.ID), PartnerID: new(int64(u.Account)), ScreenName: Opt(u.ScreenName), FullName: Opt(d.FullName),
			Email: Opt(u.Email), Country: Opt(d.Country), State: Opt(d.State), City: Opt(d.City), Zip: Opt(d.Zip),
			ThumbnailURL: Opt(d.ThumbnailURL), Description: Opt(d.Description), Tags: Opt(u.Tags), AdminTags: Opt(d.AdminTags),
			Status: new(UserStatus(u.Status)), CreatedAt: At(u.CreatedAt.Time()), UpdatedAt: At(u.UpdatedAt.Time()),
			PartnerData: Opt(d.Data), StorageSize: new(int64(0)), Language: Opt(d.Language), LastLoginTime: At(u.LoginAt.Time()),
			StatusUpdatedAt: At(u.StatusAt.Time()), DeletedAt: At(u.DeletedAt.Time()),
		},
		Type: new(UserType(u.Type)), Gender: new(Gender(d.Gender)), IsAdmin: new(u.Admin), IsAccountOwner: new(false),
		FirstName: Opt(u.FirstName), LastName: Opt(u.LastName), LoginEnabled: new(u.LoginEnabled), Title: Opt(d.Title),
		Company: Opt(d.Company), KSPrivileges: Opt(d.Privileges), ExternalID: Opt(d.ExternalID),
	}
	if d.DateOfBirth != 0 {
		w.DateOfBirth = new(rpc.Time(d.DateOfBirth))
	}
	if u.Role != 0 {
		w.RoleIDs = new(strconv.FormatInt(u.Role, 10))
	}
	return w
}

// Apply writes what the client may choose; roles, logins and passwords are the service's business.
func (a *User) Apply(u *catalog.User) {
	u.ID, u.ScreenName, u.Email, u.Tags = Value(a.ID), Value(a.ScreenName), Value(a.Email), Value(a.Tags)
	u.Type, u.Admin, u.FirstName, u.LastName = int(Value(a.Type)), Value(a.IsAdmin), Value(a.FirstName), Value(a.LastName)
	if a.Status != nil {
		u.Status = catalog.UserStatus(*a.Status)
	}
	u.Details = catalog.UserDetails{
		FullName: Value(a.FullName), DateOfBirth: int64(Value(a.DateOfBirth)), Gender: int(Value(a.Gender)), Country: Value(a.Country),
		State: Value(a.State), City: Value(a.City), Zip: Value(a.Zip), ThumbnailURL: Value(a.ThumbnailURL),
		Description: Value(a.Description), AdminTags: Value(a.AdminTags), Data: Value(a.PartnerData), Language: Value(a.Language),
		Title: Value(a.Title), Company: Value(a.Company), ExternalID: Value(a.ExternalID), Privileges: Value(a.KSPrivileges),
	}
}

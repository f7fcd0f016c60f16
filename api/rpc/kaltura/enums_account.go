package kaltura

import "sluice/api/rpc"

// SessionType is the type of a session.
type SessionType int

var sessionTypes = rpc.NewEnum("KalturaSessionType", "USER=0 ADMIN=2")

// Enum implements rpc.Enumerated.
func (SessionType) Enum() *rpc.Enum { return sessionTypes }

// AppTokenStatus is the state of an app token.
type AppTokenStatus int

var appTokenStatuses = rpc.NewEnum("KalturaAppTokenStatus", "DISABLED=1 ACTIVE=2 DELETED=3")

// Enum implements rpc.Enumerated.
func (AppTokenStatus) Enum() *rpc.Enum { return appTokenStatuses }

// AppTokenHashType names the hash that proves the possession of an app token.
type AppTokenHashType string

var appTokenHashTypes = rpc.NewEnum("KalturaAppTokenHashType", same("MD5 SHA1 SHA256 SHA512"))

// Enum implements rpc.Enumerated.
func (AppTokenHashType) Enum() *rpc.Enum { return appTokenHashTypes }

// PartnerStatus is the state of an account.
type PartnerStatus int

var partnerStatuses = rpc.NewEnum("KalturaPartnerStatus", "DELETED=0 ACTIVE=1 BLOCKED=2 FULL_BLOCK=3 READ_ONLY=4")

// Enum implements rpc.Enumerated.
func (PartnerStatus) Enum() *rpc.Enum { return partnerStatuses }

// PartnerType says what an account is for.
type PartnerType int

var partnerTypes = rpc.NewEnum("KalturaPartnerType", "KMC=1 OTHER=2 BATCH=3")

// Enum implements rpc.Enumerated.
func (PartnerType) Enum() *rpc.Enum { return partnerTypes }

// WidgetSecurityType says how a widget's players prove themselves.
type WidgetSecurityType int

var widgetSecurityTypes = rpc.NewEnum("KalturaWidgetSecurityType", "NONE=1 TIMEHASH=2")

// Enum implements rpc.Enumerated.
func (WidgetSecurityType) Enum() *rpc.Enum { return widgetSecurityTypes }

// UserStatus is the state of a user.
type UserStatus int

var userStatuses = rpc.NewEnum("KalturaUserStatus", "BLOCKED=0 ACTIVE=1 DELETED=2")

// Enum implements rpc.Enumerated.
func (UserStatus) Enum() *rpc.Enum { return userStatuses }

// UserType tells people from groups.
type UserType int

var userTypes = rpc.NewEnum("KalturaUserType", "USER=0 GROUP=1")

// Enum implements rpc.Enumerated.
func (UserType) Enum() *rpc.Enum { return userTypes }

// Gender of a user.
type Gender int

var genders = rpc.NewEnum("KalturaGender", "UNKNOWN=0 MALE=1 FEMALE=2")

// Enum implements rpc.Enumerated.
func (Gender) Enum() *rpc.Enum { return genders }

// UserRoleStatus is the state of a role.
type UserRoleStatus int

var userRoleStatuses = rpc.NewEnum("KalturaUserRoleStatus", "ACTIVE=1 BLOCKED=2 DELETED=3")

// Enum implements rpc.Enumerated.
func (UserRoleStatus) Enum() *rpc.Enum { return userRoleStatuses }

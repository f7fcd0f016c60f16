package kaltura

import (
	"sluice/api/rpc"
	"sluice/catalog"
)

// AppToken is a shared secret that starts sessions (§4.6 of the API contract).
type AppToken struct {
	rpc.Object
	ID                *string           `k:"id,ro" f:"eq,in"`
	Token             *string           `k:"token,ro"`
	PartnerID         *int64            `k:"partnerId,ro"`
	CreatedAt         *rpc.Time         `k:"createdAt,ro" f:"gte,lte,order"`
	UpdatedAt         *rpc.Time         `k:"updatedAt,ro" f:"gte,lte,order"`
	Status            *AppTokenStatus   `k:"status,ro" f:"eq,in"`
	Expiry            *rpc.Time         `k:"expiry"`
	SessionType       *SessionType      `k:"sessionType"`
	SessionUserID     *string           `k:"sessionUserId,max=100" f:"eq"`
	SessionDuration   *int64            `k:"sessionDuration,min=0"`
	SessionPrivileges *string           `k:"sessionPrivileges,max=4096"`
	HashType          *AppTokenHashType `k:"hashType"`
	Description       *string           `k:"description,max=4096"`
}

// AppTokenOf is an app token on the wire.
func AppTokenOf(t catalog.AppToken) *AppToken {
	return &AppToken{
		ID: new(t.ID), Token: new(t.Token), PartnerID: new(int64(t.Account)), CreatedAt: At(t.CreatedAt.Time()),
		UpdatedAt: At(t.UpdatedAt.Time()), Status: new(AppTokenStatus(t.Status)), Expiry: At(t.ExpiresAt.Time()),
		SessionType: new(SessionType(t.SessionType)), SessionUserID: Opt(t.SessionUser), SessionDuration: Opt(t.Duration),
		SessionPrivileges: Opt(t.Privileges), HashType: new(AppTokenHashType(t.HashType)), Description: Opt(t.Description),
	}
}

// Apply writes what the client may choose.
func (a *AppToken) Apply(t *catalog.AppToken) {
	t.ExpiresAt, t.SessionType = catalog.StampOf(Moment(a.Expiry)), int(Value(a.SessionType))
	t.SessionUser, t.Duration, t.Privileges = Value(a.SessionUserID), Value(a.SessionDuration), Value(a.SessionPrivileges)
	t.HashType, t.Description = string(Value(a.HashType)), Value(a.Description)
	if t.HashType == "" {
		t.HashType = "SHA1"
	}
}

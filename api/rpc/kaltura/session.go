package kaltura

import (
	"sluice/api/rpc"
	"sluice/api/rpc/ks"
)

// SessionInfo tells of a session (§4.5 of the API contract). Expiry is in seconds since the epoch, unless an action says
// otherwise; KS is set where the session is new.
type SessionInfo struct {
	rpc.Object
	KS          *string      `k:"ks,ro"`
	SessionType *SessionType `k:"sessionType,ro"`
	PartnerID   *int64       `k:"partnerId,ro"`
	UserID      *string      `k:"userId,ro"`
	Expiry      *int64       `k:"expiry,ro"`
	Privileges  *string      `k:"privileges,ro"`
}

// SessionInfoOf is a session on the wire, without its token.
func SessionInfoOf(s *ks.Session) *SessionInfo {
	return &SessionInfo{
		SessionType: new(SessionType(s.Type)), PartnerID: new(int64(s.Account)), UserID: new(s.User),
		Expiry: new(s.Expires.Unix()), Privileges: new(ks.FormatPrivileges(s.Privileges)),
	}
}

// StartWidgetSessionResponse is a widget's new session.
type StartWidgetSessionResponse struct {
	rpc.Object
	PartnerID *int64  `k:"partnerId,ro"`
	KS        *string `k:"ks,ro"`
	UserID    *string `k:"userId,ro"`
}

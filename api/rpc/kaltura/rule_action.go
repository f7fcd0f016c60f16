package kaltura

import (
	"regexp"

	"sluice/api/rpc"
	"sluice/api/rpc/access"
	"sluice/catalog"
)

// RuleActor is any action of a rule.
type RuleActor interface {
	rpc.Class
	action() (catalog.AccessAction, error)
}

// RuleAction is the base of all actions.
type RuleAction struct {
	rpc.Object
	Type *RuleActionType `k:"type,ro"`
}

func (*RuleAction) action() (catalog.AccessAction, error) {
	return catalog.AccessAction{}, rpc.E("OBJECT_TYPE_ABSTRACT", "OBJ_TYPE", "KalturaRuleAction")
}

// The actions.
type (
	AccessControlBlockAction   struct{ RuleAction }
	AccessControlPreviewAction struct {
		RuleAction
		Limit *int `k:"limit"` // seconds
	}
	AccessControlLimitFlavorsAction struct {
		RuleAction
		FlavorParamsIDs *string `k:"flavorParamsIds"`
		IsBlockedList   *bool   `k:"isBlockedList"`
	}
	AccessControlLimitDeliveryProfilesAction struct {
		RuleAction
		DeliveryProfileIDs *string `k:"deliveryProfileIds"`
		IsBlockedList      *bool   `k:"isBlockedList"`
	}
	AccessControlServeRemoteEdgeServerAction struct {
		RuleAction
		EdgeServerIDs           *string       `k:"edgeServerIds"`
		SeamlessFallbackEnabled *rpc.NullBool `k:"seamlessFallbackEnabled"`
	}
	AccessControlModifyRequestHostRegexAction struct {
		RuleAction
		Pattern     *string `k:"pattern"`
		Replacement *string `k:"replacement"`
		// The server that may answer instead, and how long it is waited for: kept for clients, there is none.
		ReplacementServer *int64 `k:"replacmenServerNodeId"` // spelled so
		CheckAliveTimeout *int   `k:"checkAliveTimeoutMs"`
	}
	AccessControlLimitThumbnailCaptureAction struct{ RuleAction }
)

func (*AccessControlBlockAction) action() (catalog.AccessAction, error) {
	return catalog.AccessAction{Type: access.Block}, nil
}

func (a *AccessControlPreviewAction) action() (catalog.AccessAction, error) {
	if Value(a.Limit) <= 0 {
		return catalog.AccessAction{}, rpc.E("PROPERTY_VALIDATION_MIN_VALUE", "PROP_NAME", "KalturaAccessControlPreviewAction::limit", "MIN_VAL", "1")
	}
	return catalog.AccessAction{Type: access.Preview, Seconds: *a.Limit}, nil
}

func (a *AccessControlLimitFlavorsAction) action() (catalog.AccessAction, error) {
	return catalog.AccessAction{Type: access.LimitFlavors, IDs: Value(a.FlavorParamsIDs), Blocked: Value(a.IsBlockedList)}, nil
}

func (a *AccessControlLimitDeliveryProfilesAction) action() (catalog.AccessAction, error) {
	return catalog.AccessAction{Type: access.LimitDeliveryProfiles, IDs: Value(a.DeliveryProfileIDs), Blocked: Value(a.IsBlockedList)}, nil
}

func (a *AccessControlServeRemoteEdgeServerAction) action() (catalog.AccessAction, error) {
	return catalog.AccessAction{Type: access.ServeFromRemote, IDs: Value(a.EdgeServerIDs), Seamless: Value(a.SeamlessFallbackEnabled) == rpc.True}, nil
}

func (a *AccessControlModifyRequestHostRegexAction) action() (catalog.AccessAction, error) {
	if _, err := regexp.Compile(Value(a.Pattern)); err != nil {
		return catalog.AccessAction{}, rpc.E("PROPERTY_VALIDATION_WRONG_FORMAT",
			"PROP_NAME", "KalturaAccessControlModifyRequestHostRegexAction::pattern", "FORMAT", "regular expression").Because(err)
	}
	return catalog.AccessAction{
		Type: access.RequestHostRegex, Pattern: Value(a.Pattern), Replacement: Value(a.Replacement),
		Server: Value(a.ReplacementServer), AliveTimeout: Value(a.CheckAliveTimeout),
	}, nil
}

func (*AccessControlLimitThumbnailCaptureAction) action() (catalog.AccessAction, error) {
	return catalog.AccessAction{Type: access.LimitThumbnailCapture}, nil
}

// RuleActions are actions on the wire, each of its own class.
func RuleActions(list []catalog.AccessAction) []RuleActor {
	out := []RuleActor{}
	for _, a := range list {
		base := RuleAction{Type: new(RuleActionType(a.Type))}
		switch a.Type {
		case access.Block:
			out = append(out, &AccessControlBlockAction{base})
		case access.Preview:
			out = append(out, &AccessControlPreviewAction{base, new(a.Seconds)})
		case access.LimitFlavors:
			out = append(out, &AccessControlLimitFlavorsAction{base, new(a.IDs), new(a.Blocked)})
		case access.LimitDeliveryProfiles:
			out = append(out, &AccessControlLimitDeliveryProfilesAction{base, new(a.IDs), new(a.Blocked)})
		case access.ServeFromRemote:
			out = append(out, &AccessControlServeRemoteEdgeServerAction{base, new(a.IDs), Bool(a.Seamless)})
		case access.RequestHostRegex:
			out = append(out, &AccessControlModifyRequestHostRegexAction{base, new(a.Pattern), new(a.Replacement), Opt(a.Server), Opt(a.AliveTimeout)})
		case access.LimitThumbnailCapture:
			out = append(out, &AccessControlLimitThumbnailCaptureAction{base})
		}
	}
	return out
}

package kaltura

import "sluice/api/rpc"

var (
	contextTypes    = rpc.NewEnum("KalturaContextType", "PLAY=1 DOWNLOAD=2 THUMBNAIL=3 METADATA=4 EXPORT=5 SERVE=6")
	ruleActionTypes = rpc.NewEnum("KalturaRuleActionType", "BLOCK=1 PREVIEW=2 LIMIT_FLAVORS=3 ADD_TO_STORAGE=4 LIMIT_DELIVERY_PROFILES=5 "+
		"SERVE_FROM_REMOTE_SERVER=6 REQUEST_HOST_REGEX=7 LIMIT_THUMBNAIL_CAPTURE=8 DRM_POLICY=drm.DRM_POLICY "+
		"ADD_ENTRY_VENDOR_TASK=reach.ADD_ENTRY_VENDOR_TASK")
	conditionTypes = rpc.NewEnum("KalturaConditionType", "AUTHENTICATED=1 COUNTRY=2 IP_ADDRESS=3 SITE=4 USER_AGENT=5 FIELD_MATCH=6 FIELD_COMPARE=7 "+
		"ASSET_PROPERTIES_COMPARE=8 USER_ROLE=9 GEO_DISTANCE=10 OR_OPERATOR=11 HASH=12 DELIVERY_PROFILE=13 ACTIVE_EDGE_VALIDATE=14 ANONYMOUS_IP=15 "+
		"ASSET_TYPE=16 BOOLEAN=17 HTTP_HEADER=18 ENTRY_SCHEDULED=19 ACTION_NAME=20 URL_AUTH_PARAMS=21 SESSION_TYPE=22 "+
		"METADATA_FIELD_MATCH=metadata.FieldMatch METADATA_FIELD_COMPARE=metadata.FieldCompare METADATA_FIELD_CHANGED=metadata.FieldChanged "+
		"EVENT_NOTIFICATION_FIELD=eventNotification.BooleanField EVENT_NOTIFICATION_OBJECT_CHANGED=eventNotification.ObjectChanged "+
		"CATEGORY_ENTRY=reach.CategoryEntry")
	geoCoderTypes = rpc.NewEnum("KalturaGeoCoderType", "KALTURA=1 MAX_MIND=2 DIGITAL_ELEMENT=3")
)

// Enum types of access control; all of them are the protocol's dynamic enums.
type (
	ContextType    string
	RuleActionType string
	ConditionType  string
	GeoCoderType   string
)

// Enum implements rpc.Enumerated, here and below.
func (ContextType) Enum() *rpc.Enum { return contextTypes }

func (RuleActionType) Enum() *rpc.Enum { return ruleActionTypes }
func (ConditionType) Enum() *rpc.Enum  { return conditionTypes }
func (GeoCoderType) Enum() *rpc.Enum   { return geoCoderTypes }

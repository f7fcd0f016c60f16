package kaltura

import "sluice/api/rpc"

// EventNotificationTemplateStatus is the state of a template.
type EventNotificationTemplateStatus int

var templateStatuses = rpc.NewEnum("KalturaEventNotificationTemplateStatus", "DISABLED=1 ACTIVE=2 DELETED=3")

// Enum implements rpc.Enumerated.
func (EventNotificationTemplateStatus) Enum() *rpc.Enum { return templateStatuses }

// EventNotificationTemplateType says how a notification is sent.
type EventNotificationTemplateType string

var templateTypes = rpc.NewEnum("KalturaEventNotificationTemplateType", "HTTP=httpNotification.Http")

// Enum implements rpc.Enumerated.
func (EventNotificationTemplateType) Enum() *rpc.Enum { return templateTypes }

// EventNotificationEventType says what happened to an object.
type EventNotificationEventType string

var notificationEventTypes = rpc.NewEnum("KalturaEventNotificationEventType", `BATCH_JOB_STATUS=1 OBJECT_ADDED=2 OBJECT_CHANGED=3
	OBJECT_COPIED=4 OBJECT_CREATED=5 OBJECT_DATA_CHANGED=6 OBJECT_DELETED=7 OBJECT_ERASED=8 OBJECT_READY_FOR_REPLACMENT=9
	OBJECT_SAVED=10 OBJECT_UPDATED=11 OBJECT_REPLACED=12 OBJECT_READY_FOR_INDEX=13`)

// Enum implements rpc.Enumerated.
func (EventNotificationEventType) Enum() *rpc.Enum { return notificationEventTypes }

// EventNotificationEventObjectType says what kind of object something happened to.
type EventNotificationEventObjectType string

var notificationObjectTypes = rpc.NewEnum("KalturaEventNotificationEventObjectType", `ENTRY=1 CATEGORY=2 ASSET=3 FLAVORASSET=4 THUMBASSET=5
	KUSER=8 ACCESSCONTROL=9 BATCHJOB=10 CONVERSIONPROFILE2=14 PARTNER=20 UPLOADTOKEN=33 CATEGORYENTRY=37 LIVE_STREAM=38
	REACH_PROFILE=41 ENTRY_VENDOR_TASK=42 CAPTION_ASSET=captionAssetEventNotifications.CaptionAsset
	CUE_POINT=cuePointEventNotifications.CuePoint METADATA=metadataEventNotifications.Metadata`)

// Enum implements rpc.Enumerated.
func (EventNotificationEventObjectType) Enum() *rpc.Enum { return notificationObjectTypes }

// HttpNotificationMethod is the method of a request.
type HttpNotificationMethod int

var notificationMethods = rpc.NewEnum("KalturaHttpNotificationMethod", "GET=1 POST=2 PUT=3 DELETE=4")

// Enum implements rpc.Enumerated.
func (HttpNotificationMethod) Enum() *rpc.Enum { return notificationMethods }

// HttpNotificationAuthenticationMethod says how a request shows its user and password; it is always the basic way.
type HttpNotificationAuthenticationMethod int

var notificationAuthentications = rpc.NewEnum("KalturaHttpNotificationAuthenticationMethod", "ANYSAFE=-18 ANY=-17 BASIC=1 DIGEST=2 GSSNEGOTIATE=4 NTLM=8")

// Enum implements rpc.Enumerated.
func (HttpNotificationAuthenticationMethod) Enum() *rpc.Enum { return notificationAuthentications }

// SecureHashingAlgo names the hash of a signature.
type SecureHashingAlgo int

var secureHashingAlgos = rpc.NewEnum("KalturaSecureHashingAlgo", "SHA_1=1 SHA_256=2 SHA_512=3")

// Enum implements rpc.Enumerated.
func (SecureHashingAlgo) Enum() *rpc.Enum { return secureHashingAlgos }

// DeliveryStatus is the state of a delivery of a notification.
type DeliveryStatus int

var deliveryStatuses = rpc.NewEnum("KalturaEventNotificationDeliveryStatus", "PENDING=0 DELIVERED=1 FAILED=2")

// Enum implements rpc.Enumerated.
func (DeliveryStatus) Enum() *rpc.Enum { return deliveryStatuses }

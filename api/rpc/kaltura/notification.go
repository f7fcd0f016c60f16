package kaltura

import (
	"sluice/api/rpc"
	"sluice/catalog"
)

// NotificationTemplate is any template of notifications.
type NotificationTemplate interface {
	rpc.Class
	template() *EventNotificationTemplate
}

// EventNotificationTemplate is what all templates have in common (§5.19 of the API contract).
type EventNotificationTemplate struct {
	rpc.Object
	ID              *int64                            `k:"id,ro" f:"eq,in,order"`
	PartnerID       *int64                            `k:"partnerId,ro" f:"eq,in"`
	Name            *string                           `k:"name,max=1000"`
	SystemName      *string                           `k:"systemName,max=255" f:"eq,in"`
	Description     *string                           `k:"description,max=4096"`
	Type            *EventNotificationTemplateType    `k:"type,io"`
	Status          *EventNotificationTemplateStatus  `k:"status,ro" f:"eq,in"`
	CreatedAt       *rpc.Time                         `k:"createdAt,ro" f:"gte,lte,order"`
	UpdatedAt       *rpc.Time                         `k:"updatedAt,ro" f:"gte,lte,order"`
	Manual          *bool                             `k:"manualDispatchEnabled"`
	Automatic       *bool                             `k:"automaticDispatchEnabled"`
	EventType       *EventNotificationEventType       `k:"eventType"`
	EventObjectType *EventNotificationEventObjectType `k:"eventObjectType"`
	EventConditions []EventConditional                `k:"eventConditions"`
	Parameters      []*EventNotificationParameter     `k:"contentParameters"`
	UserParameters  []*EventNotificationParameter     `k:"userParameters"`
}

func (t *EventNotificationTemplate) template() *EventNotificationTemplate { return t }

// HttpNotificationTemplate is a template of requests to a URL.
type HttpNotificationTemplate struct {
	EventNotificationTemplate
	URL            *string                               `k:"url,max=4096"`
	Method         *HttpNotificationMethod               `k:"method"`
	Data           HTTPNotificationBody                  `k:"data"`
	Timeout        *int                                  `k:"timeout,min=0,max=60"`
	ConnectTimeout *int                                  `k:"connectTimeout,min=0"`
	Username       *string                               `k:"username,max=255"`
	Password       *string                               `k:"password,wo,max=255"`
	Authentication *HttpNotificationAuthenticationMethod `k:"authenticationMethod"`
	CustomHeaders  []*KeyValue                           `k:"customHeaders"`
	HashingAlgo    *SecureHashingAlgo                    `k:"secureHashingAlgo"`
}

// EventNotificationParameter is a value that texts may refer to by {key}.
type EventNotificationParameter struct {
	rpc.Object
	Key         *string      `k:"key"`
	Description *string      `k:"description"`
	Value       *StringValue `k:"value"`
}

// EventConditional is any condition on an event.
type EventConditional interface {
	rpc.Class
	events() (names string, ok bool)
}

func (*Condition) events() (string, bool) { return "", false }

// EventNameCondition, an addition to the protocol, holds for the events named, with commas between them: entry.ready. They
// decide in place of the template's event type.
type EventNameCondition struct {
	Condition
	Names *string `k:"names"`
}

func (c *EventNameCondition) events() (string, bool) { return Value(c.Names), true }

// HTTPNotificationBody is any body of a notification.
type HTTPNotificationBody interface {
	rpc.Class
	data() catalog.NotificationData
}

// HttpNotificationData is the base of bodies.
type HttpNotificationData struct{ rpc.Object }

func (*HttpNotificationData) data() catalog.NotificationData { return catalog.NotificationData{} }

// HttpNotificationObjectData sends the object that something happened to.
type HttpNotificationObjectData struct {
	HttpNotificationData
	APIObjectType     *string `k:"apiObjectType,max=255"`
	Format            *int    `k:"format"`
	IgnoreNull        *bool   `k:"ignoreNull"`
	Code              *string `k:"code,max=4096"`
	ResponseProfileID *int64  `k:"responseProfileId"`
}

func (d *HttpNotificationObjectData) data() catalog.NotificationData {
	return catalog.NotificationData{
		Kind: "object", Format: Value(d.Format), IgnoreNull: Value(d.IgnoreNull), ObjectType: Value(d.APIObjectType), Code: Value(d.Code),
		ResponseProfile: Value(d.ResponseProfileID),
	}
}

// HttpNotificationDataText sends a text.
type HttpNotificationDataText struct {
	HttpNotificationData
	Content *StringValue `k:"content"`
}

func (d *HttpNotificationDataText) data() catalog.NotificationData {
	out := catalog.NotificationData{Kind: "text"}
	if d.Content != nil {
		out.Text = Value(d.Content.Value)
	}
	return out
}

// HttpNotificationDataFields sends the template's parameters as the fields of a form.
type HttpNotificationDataFields struct{ HttpNotificationData }

func (*HttpNotificationDataFields) data() catalog.NotificationData {
	return catalog.NotificationData{Kind: "fields"}
}

// EventNotificationScope says what a notification that is dispatched by hand is of.
type EventNotificationScope struct {
	rpc.Object
	ObjectID        *string                           `k:"objectId"`
	ScopeObjectType *EventNotificationEventObjectType `k:"scopeObjectType"`
}

// EventNotificationDelivery, an addition to the protocol, is what became of one notification.
type EventNotificationDelivery struct {
	rpc.Object
	ID           *int64          `k:"id,ro" f:"eq,in,order"`
	PartnerID    *int64          `k:"partnerId,ro"`
	TemplateID   *int64          `k:"templateId,ro" f:"eq,in"`
	EventName    *string         `k:"eventName,ro" f:"eq,in"`
	ObjectID     *string         `k:"objectId,ro" f:"eq,in"`
	Status       *DeliveryStatus `k:"status,ro" f:"eq,in"`
	Attempts     *int            `k:"attempts,ro"`
	NextAt       *rpc.Time       `k:"nextAttemptAt,ro"`
	FinishedAt   *rpc.Time       `k:"finishedAt,ro"`
	URL          *string         `k:"url,ro"`
	Body         *string         `k:"body,ro"`
	ResponseCode *int            `k:"responseCode,ro"`
	Response     *string         `k:"response,ro"`
	Error        *string         `k:"error,ro"`
	CreatedAt    *rpc.Time       `k:"createdAt,ro" f:"gte,lte,order"`
	UpdatedAt    *rpc.Time       `k:"updatedAt,ro" f:"gte,lte,order"`
}

// EventNotificationDeliveryOf is a delivery on the wire.
func EventNotificationDeliveryOf(d catalog.Delivery) *EventNotificationDelivery {
	w := &EventNotificationDelivery{
		ID: new(d.ID), PartnerID: new(int64(d.Account)), TemplateID: new(d.Template), EventName: Opt(d.Event), ObjectID: Opt(d.ObjectID),
		Status: new(DeliveryStatus(d.Status)), Attempts: new(d.Attempts), FinishedAt: At(d.FinishedAt.Time()), URL: new(d.URL),
		Body: new(d.Body), ResponseCode: Opt(d.ResponseCode), Response: Opt(d.Response), Error: Opt(d.Error),
		CreatedAt: At(d.CreatedAt.Time()), UpdatedAt: At(d.UpdatedAt.Time()),
	}
	if d.Status == catalog.DeliveryPending {
		w.NextAt = At(d.NextAt.Time())
	}
	return w
}

// RegisterNotifications adds the classes that requests choose by name.
func RegisterNotifications(r *rpc.Registry) {
	r.Abstract(&EventNotificationTemplate{}, &HttpNotificationData{}, &Condition{})
	rpc.ListsOf[HttpNotificationTemplate](r, "KalturaEventNotificationTemplateListResponse")
	rpc.Base[NotificationTemplate](r, &EventNotificationTemplate{})
	rpc.Base[HTTPNotificationBody](r, &HttpNotificationData{})
	rpc.Base[EventConditional](r, &Condition{})
	r.Classes(
		&HttpNotificationTemplate{}, &HttpNotificationObjectData{}, &HttpNotificationDataText{}, &HttpNotificationDataFields{},
		&EventNameCondition{}, &KeyValue{}, &StringValue{},
	)
}

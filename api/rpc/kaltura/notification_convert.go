package kaltura

import (
	"strings"

	"sluice/api/rpc"
	"sluice/catalog"
)

// HttpNotificationTemplateOf is a template on the wire, without its password.
func HttpNotificationTemplateOf(t catalog.NotificationTemplate) *HttpNotificationTemplate {
	s := t.Spec
	w := &HttpNotificationTemplate{
		EventNotificationTemplate: EventNotificationTemplate{
			ID: new(t.ID), PartnerID: new(int64(t.Account)), Name: new(t.Name), SystemName: Opt(t.SystemName), Description: Opt(t.Description),
			Type: new(EventNotificationTemplateType("httpNotification.Http")), Status: new(EventNotificationTemplateStatus(t.Status)),
			CreatedAt: At(t.CreatedAt.Time()), UpdatedAt: At(t.UpdatedAt.Time()), Manual: new(t.Manual), Automatic: new(t.Automatic),
			EventType: Opt(EventNotificationEventType(t.EventType)), EventObjectType: Opt(EventNotificationEventObjectType(t.ObjectType)),
			Parameters: parametersOf(s.Values), UserParameters: parametersOf(s.User),
		},
		URL: Opt(s.URL), Method: new(HttpNotificationMethod(s.Method)), Data: bodyOf(s.Data), Timeout: Opt(s.Timeout), Username: Opt(s.Username),
		HashingAlgo: Opt(SecureHashingAlgo(s.Hash)), ConnectTimeout: Opt(s.ConnectTimeout), Authentication: Opt(HttpNotificationAuthenticationMethod(s.Authentication)),
	}
	if len(s.Events) > 0 {
		w.EventConditions = []EventConditional{&EventNameCondition{Names: new(strings.Join(s.Events, ","))}}
	}
	for _, h := range s.Headers {
		w.CustomHeaders = append(w.CustomHeaders, &KeyValue{Key: new(h.Key), Value: new(h.Value)})
	}
	return w
}

func bodyOf(d catalog.NotificationData) HTTPNotificationBody {
	switch d.Kind {
	case "object":
		return &HttpNotificationObjectData{APIObjectType: Opt(d.ObjectType), Format: new(d.Format), IgnoreNull: new(d.IgnoreNull), Code: Opt(d.Code),
			ResponseProfileID: Opt(d.ResponseProfile)}
	case "text":
		return &HttpNotificationDataText{Content: &StringValue{Value: new(d.Text)}}
	case "fields":
		return &HttpNotificationDataFields{}
	}
	return nil
}

func parametersOf(list []catalog.NotificationValue) []*EventNotificationParameter {
	var out []*EventNotificationParameter
	for _, v := range list {
		out = append(out, &EventNotificationParameter{Key: new(v.Key), Description: Opt(v.Description), Value: &StringValue{Value: new(v.Value)}})
	}
	return out
}

func valuesOf(list []*EventNotificationParameter) []catalog.NotificationValue {
	var out []catalog.NotificationValue
	for _, p := range list {
		if p == nil || Value(p.Key) == "" {
			continue
		}
		v := catalog.NotificationValue{Key: *p.Key, Description: Value(p.Description)}
		if p.Value != nil {
			v.Value = Value(p.Value.Value)
		}
		out = append(out, v)
	}
	return out
}

// Ways to show user and password that the basic way will do for.
const (
	authBasic   = 1
	authAny     = -17
	authAnySafe = -18
)

// Apply writes what the client may choose, or says what of it is not supported.
func (a *HttpNotificationTemplate) Apply(t *catalog.NotificationTemplate) error {
	switch way := int(Value(a.Authentication)); way {
	case 0, authBasic, authAny, authAnySafe:
	default: // requests show user and password the basic way
		return rpc.E("INVALID_PARAMETER_VALUE", "PARAM_NAME", "KalturaHttpNotificationTemplate::authenticationMethod")
	}
	t.Name, t.SystemName, t.Description = Value(a.Name), Value(a.SystemName), Value(a.Description)
	t.Manual, t.Automatic = Value(a.Manual), Value(a.Automatic)
	t.EventType, t.ObjectType = string(Value(a.EventType)), string(Value(a.EventObjectType))
	t.Spec = catalog.NotificationSpec{
		URL: Value(a.URL), Method: int(Value(a.Method)), Timeout: Value(a.Timeout), Username: Value(a.Username),
		Hash: int(Value(a.HashingAlgo)), ConnectTimeout: Value(a.ConnectTimeout), Authentication: int(Value(a.Authentication)), Values: valuesOf(a.Parameters), User: valuesOf(a.UserParameters),
	}
	if a.Password != nil {
		t.Password = *a.Password
	}
	if a.Cleared("password") {
		t.Password = ""
	}
	if a.Data != nil {
		t.Spec.Data = a.Data.data()
	}
	for _, h := range a.CustomHeaders {
		if h != nil && Value(h.Key) != "" {
			t.Spec.Headers = append(t.Spec.Headers, catalog.NotificationValue{Key: *h.Key, Value: Value(h.Value)})
		}
	}
	for _, c := range a.EventConditions {
		names, ok := c.events()
		if !ok {
			return rpc.E("INVALID_OBJECT_TYPE", "INVALID_OBJ_TYPE", "KalturaCondition")
		}
		t.Spec.Events = append(t.Spec.Events, List(names)...)
	}
	return nil
}

// AssetOf is an asset of an entry as the class that notifications show; assets are all of the entry's.
func AssetOf(e catalog.Entry, a catalog.Asset, assets []catalog.Asset) rpc.Class {
	for _, f := range FlavorsOf(e, assets) {
		if f.ID == a.ID {
			return Flavor(a, MainSound(e, assets))
		}
	}
	return new(asset(a, a.Size))
}

package notify_test

import (
	"fmt"
	"strings"
	"testing"

	"sluice/catalog"
)

func TestTemplatesAreKept(t *testing.T) {
	everyDatabase(t, func(t *testing.T, f *fixture) {
		made := f.template(params{"systemName": "A", "description": "d", "password": "hunter2", "username": "me", "customHeaders": []params{{"key": "X-A", "value": "1"}}})
		if made["type"] != "httpNotification.Http" || made["status"] != 2.0 || made["method"] != 2.0 || made["password"] != nil ||
			made["objectType"] != "KalturaHttpNotificationTemplate" || fmt.Sprint(made["data"]) != "map[format:1 ignoreNull:false objectType:KalturaHttpNotificationObjectData]" {
			t.Errorf("made %v", made)
		}
		id := made["id"]
		changed := f.call("update", params{"id": id, "eventNotificationTemplate": params{"objectType": "KalturaHttpNotificationTemplate", "name": "new", "description__null": ""}})
		if changed["name"] != "new" || changed["description"] != nil || changed["username"] != "me" || fmt.Sprint(changed["customHeaders"]) != fmt.Sprint(made["customHeaders"]) {
			t.Errorf("changed to %v", changed)
		}
		if stored, err := f.db.NotificationTemplate(t.Context(), 1, int64(id.(float64))); err != nil || stored.Password != "hunter2" {
			t.Errorf("stored %+v, %v", stored, err)
		}
		cloned := f.call("clone", params{"id": id, "eventNotificationTemplate": params{"objectType": "KalturaHttpNotificationTemplate", "systemName": "B", "url": "https://other.example/"}})
		if cloned["id"] == id || cloned["name"] != "new" || cloned["systemName"] != "B" || cloned["url"] != "https://other.example/" {
			t.Errorf("cloned as %v", cloned)
		}
		if got := f.call("list", params{"filter": params{"systemNameIn": "A,B", "statusEqual": 2}}); got["totalCount"] != 2.0 {
			t.Errorf("listed %v", got)
		}
		examples := f.call("listTemplates", nil)["objects"].([]any)
		example := examples[0].(map[string]any)
		own := f.call("clone", params{"id": example["id"], "eventNotificationTemplate": params{"objectType": "KalturaHttpNotificationTemplate", "url": "https://x.example/"}})
		if own["partnerId"] != 1.0 || own["url"] != "https://x.example/" || own["name"] != "Entry is ready" || own["eventConditions"] == nil {
			t.Errorf("cloned %v as %v", example, own)
		}
		if got := f.call("updateStatus", params{"id": id, "status": 1}); got["status"] != 1.0 {
			t.Errorf("disabled %v", got)
		}
		f.raw("delete", params{"id": id})
		missing := fmt.Sprintf("EVENT_NOTIFICATION_TEMPLATE_NOT_FOUND[ID:%v]", id)
		for _, action := range []string{"get", "update", "updateStatus", "delete", "clone", "dispatch"} {
			in := params{"id": id, "status": 2, "scope": params{"objectId": "0_x"}, "eventNotificationTemplate": params{"objectType": "KalturaHttpNotificationTemplate", "name": "x"}}
			if got := f.refused(action, in); got != missing {
				t.Errorf("%s of a deleted template: %s", action, got)
			}
			in["ks"], in["id"] = "2", cloned["id"]
			if got := f.refused(action, in); got != fmt.Sprintf("EVENT_NOTIFICATION_TEMPLATE_NOT_FOUND[ID:%v]", cloned["id"]) {
				t.Errorf("%s by another account: %s", action, got)
			}
			in["ks"] = "user"
			if got := f.refused(action, in); !strings.HasPrefix(got, "SERVICE_FORBIDDEN") {
				t.Errorf("%s by a user: %s", action, got)
			}
		}
	})
}

func TestTemplatesThatCannotWorkAreRefused(t *testing.T) {
	f := newFixture(t, sqlite(t))
	f.template(params{"systemName": "TAKEN"})
	const class = "KalturaHttpNotificationTemplate::"
	null, format := "PROPERTY_VALIDATION_CANNOT_BE_NULL[PROP_NAME:"+class, "PROPERTY_VALIDATION_WRONG_FORMAT["
	for _, tt := range []struct {
		change params
		want   string
	}{
		{params{"name": nil}, null + "name]"},
		{params{"url": nil}, null + "url]"},
		{params{"eventType": nil}, null + "eventType]"},
		{params{"url": "ftp://x/"}, format},
		{params{"url": "/hook"}, format},
		{params{"url": "http://{host"}, ""},
		{params{"customHeaders": []params{{"key": "Host", "value": "x"}}}, format},
		{params{"customHeaders": []params{{"key": "X-A", "value": "x\ty"}}}, ""},
		{params{"customHeaders": []params{{"key": "X A", "value": "x"}}}, format},
		{params{"customHeaders": []params{{"key": "X-A", "value": "x\r\nHost: y"}}}, format},
		{params{"customHeaders": []params{{"key": "X-KALTURA-SIGNATURE", "value": "x"}}}, format},
		{params{"eventConditions": names("entry.exploded")}, format},
		{params{"eventConditions": []params{{"objectType": "KalturaNonsense"}}}, "OBJECT_TYPE_ABSTRACT"},
		{params{"data": params{"objectType": "KalturaHttpNotificationObjectData", "format": 3}}, format},
		{params{"objectType": "KalturaEventNotificationTemplate"}, "OBJECT_TYPE_ABSTRACT"},
		{params{"systemName": "TAKEN"}, "SYSTEM_NAME_ALREADY_EXISTS[SYS_NAME:TAKEN]"},
		{params{"timeout": 61}, "PROPERTY_VALIDATION_MAX_VALUE"},
	} {
		in := params{"objectType": "KalturaHttpNotificationTemplate", "name": "x", "url": "https://x.example/", "eventType": "3", "automaticDispatchEnabled": true}
		for k, v := range tt.change {
			in[k] = v
		}
		if tt.want == "" {
			f.call("add", params{"eventNotificationTemplate": in})
		} else if got := f.refused("add", params{"eventNotificationTemplate": in}); !strings.HasPrefix(got, tt.want) {
			t.Errorf("%v: %s", tt.change, got)
		}
	}
}

func TestNotificationsAreDispatchedByHand(t *testing.T) {
	everyDatabase(t, func(t *testing.T, f *fixture) {
		e, foreign := f.entry(1, "Film"), f.entry(2, "Foreign")
		made, err := f.db.AddAssets(t.Context(), e.ID, []catalog.Asset{{Type: catalog.AssetFlavor, Name: "source", Original: true, Status: catalog.AssetReady}})
		if err != nil {
			t.Fatal(err)
		}
		tm := f.template(params{"automaticDispatchEnabled": false, "manualDispatchEnabled": true})
		auto := f.template(nil)
		f.run()
		for _, scope := range []params{{"objectId": e.ID}, {"objectId": e.ID, "scopeObjectType": "1"}, {"objectId": made[0].ID, "scopeObjectType": "4"}} {
			if id, ok := f.raw("dispatch", params{"id": tm["id"], "scope": scope}).(float64); !ok || id <= 0 {
				t.Errorf("%v is delivery %v", scope, id)
			}
		}
		f.eventually("three are told", func() bool { return len(f.deliveries("1")) == 3 })
		var flavors int
		for _, r := range f.requests() {
			if strings.Contains(r.Body, `"KalturaFlavorAsset"`) && strings.Contains(r.Body, string(made[0].ID)) {
				flavors++
			}
		}
		if flavors != 1 {
			t.Errorf("told %+v", f.requests())
		}
		for want, scope := range map[string]params{
			fmt.Sprintf("ENTRY_ID_NOT_FOUND[ENTRY_ID:%s]", foreign.ID): {"objectId": foreign.ID},
			"ENTRY_ID_NOT_FOUND[ENTRY_ID:0_nothing1]":                  {"objectId": "0_nothing1"},
			"ASSET_ID_NOT_FOUND[ID:0_nothing1]":                        {"objectId": "0_nothing1", "scopeObjectType": "3"},
		} {
			if got := f.refused("dispatch", params{"id": tm["id"], "scope": scope}); got != want {
				t.Error(got)
			}
		}
		if got := f.refused("dispatch", params{"id": auto["id"], "scope": params{"objectId": e.ID}}); got != fmt.Sprintf("EVENT_NOTIFICATION_DISPATCH_DISABLED[ID:%v]", auto["id"]) {
			t.Error(got)
		}
	})
}

package media_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/catalog"
)

func TestNewEntriesHaveTheDefaults(t *testing.T) {
	everyDatabase(t, func(f *fixture) {
		e := f.add(joe, obj{"name": "n", "mediaType": 1})
		id := e["id"].(string)
		if !regexp.MustCompile(`^0_[0-9a-z]{8}$`).MatchString(id) {
			f.Errorf("id %q", id)
		}
		created := e["createdAt"].(float64)
		want := obj{
			"objectType": "KalturaMediaEntry", "id": id, "name": "n", "description": "", "partnerId": 101.0, "userId": "joe", "creatorId": "joe",
			"tags": "", "status": 7.0, "moderationStatus": 6.0, "moderationCount": 0.0, "type": 1.0, "createdAt": created, "updatedAt": created,
			"rank": 0.0, "totalRank": 0.0, "votes": 0.0, "searchText": "_101 n", "licenseType": -1.0, "version": 1.0, "replacementStatus": 0.0,
			"partnerSortValue": 0.0, "rootEntryId": id, "entitledUsersEdit": "", "entitledUsersPublish": "", "entitledUsersView": "",
			"capabilities": "", "displayInSearch": 1.0, "blockAutoTranscript": false, "plays": 0.0, "views": 0.0, "width": 0.0, "height": 0.0,
			"duration": 0.0, "msDuration": 0.0, "durationType": "notavailable", "mediaType": 1.0, "sourceType": 1.0, "flavorParamsIds": "",
			"downloadUrl":         "http://media.test/p/101/sp/10100/playManifest/entryId/" + id + "/format/download/protocol/http/flavorParamIds/0",
			"dataUrl":             "http://media.test/p/101/sp/10100/playManifest/entryId/" + id + "/format/url/protocol/http",
			"thumbnailUrl":        "http://media.test/p/101/sp/10100/thumbnail/entry_id/" + id + "/version/1",
			"operationAttributes": []any{}, "multiLingual_name": []any{}, "multiLingual_description": []any{}, "multiLingual_tags": []any{},
			"streams": []any{},
		}
		for _, list := range []string{"operationAttributes", "multiLingual_name", "multiLingual_description", "multiLingual_tags", "streams"} {
			if _, there := e[list]; !there {
				delete(want, list)
			}
		}
		for _, profile := range []string{"accessControlId", "conversionProfileId"} {
			if n, ok := e[profile].(float64); ok && n > 0 {
				want[profile] = n
			}
		}
		if diff := cmp.Diff(want, e); diff != "" {
			f.Error(diff)
		}
		unnamed := f.add(admin, obj{})
		if !regexp.MustCompile(`^101_\d{10}$`).MatchString(unnamed["name"].(string)) || unnamed["mediaType"] != nil || unnamed["userId"] != "root" {
			f.Errorf("unnamed entry %v", unnamed)
		}
		if _, err := f.db.User(f.Context(), 101, "joe"); err != nil {
			f.Errorf("the owner is no user: %v", err)
		}
	})
}

func TestEntriesInXML(t *testing.T) {
	f := onSQLite(t)
	id := f.add(admin, obj{"name": "a & b", "tags": "x, y", "adminTags": "secret"})["id"].(string)
	body := string(f.raw(admin, "media.get", "2", obj{"entryId": id}))
	for _, want := range []string{
		"<result><objectType>KalturaMediaEntry</objectType><id>" + id + "</id><name>a &amp; b</name><description></description>",
		"<tags>x,y</tags><adminTags>secret</adminTags>", "<status>7</status>", "<blockAutoTranscript>0</blockAutoTranscript>",
		"<replacingEntryId></replacingEntryId>", "<durationType>notavailable</durationType>",
	} {
		if !strings.Contains(body, want) {
			t.Errorf("no %s in\n%s", want, body)
		}
	}
}

// everything is every field that add takes.
var everything = obj{
	"name": "n", "description": "d", "userId": "ann", "creatorId": "bob", "tags": "t1,t2", "adminTags": "a1", "categories": "x>y,z",
	"categoriesIds": "2,3", "groupId": 3, "partnerData": "pd", "licenseType": 3, "startDate": 1900000000, "endDate": 1900000001,
	"referenceId": "ref", "partnerSortValue": 9, "conversionProfileId": -1, "entitledUsersEdit": "e1,e2", "entitledUsersPublish": "p1",
	"entitledUsersView": "v1", "displayInSearch": 2, "application": "1", "applicationVersion": "7.1", "blockAutoTranscript": true,
	"mediaType": 5, "conversionQuality": "high", "sourceType": 5, "searchProviderType": 20, "searchProviderId": "sp", "creditUserName": "cu",
	"creditUrl": "http://c", "msDuration": 61000,
	"multiLingual_tags": []any{obj{"language": "FR", "value": "un,deux"}},
	"streams":           []any{obj{"id": "1", "type": "audio", "trackIndex": 2, "language": "en", "channelIndex": 0, "label": "l", "channelLayout": "mono"}},
}

func TestEntriesKeepWhatIsSent(t *testing.T) {
	everyDatabase(t, func(f *fixture) {
		f.add(admin, obj{"categories": everything["categories"]}) // makes the categories whose ids are sent
		made := f.add(admin, everything)
		got := f.get(admin, "media.get", obj{"entryId": made["id"]})
		if diff := cmp.Diff(made, got); diff != "" {
			f.Errorf("add and get differ: %s", diff)
		}
		checkSent(f, everything, got)
		if got["duration"] != 61.0 || got["durationType"] != "short" {
			f.Errorf("duration %v, %v", got["duration"], got["durationType"])
		}
		hidden := f.get(joe, "media.get", obj{"entryId": made["id"]})
		if _, there := hidden["adminTags"]; there {
			f.Error("a user sees admin tags")
		}
		// Of an update only what is sent changes.
		f.get(admin, "media.update", obj{"entryId": made["id"], "mediaEntry": obj{"description": "new"}})
		got = f.get(admin, "baseEntry.update", obj{"entryId": made["id"], "baseEntry": obj{
			"objectType": "KalturaMediaEntry", "tags__null": "", "categories": "", "creditUrl": "http://d", "startDate__null": "", "endDate": -1,
		}})
		want := obj{}
		for k, v := range everything {
			want[k] = v
		}
		want["description"], want["tags"], want["creditUrl"] = "new", "", "http://d"
		for _, cleared := range []string{"categories", "categoriesIds", "startDate", "endDate"} {
			delete(want, cleared)
			if got[cleared] != nil {
				f.Errorf("%s is still %v", cleared, got[cleared])
			}
		}
		checkSent(f, want, got)
	})
}

// checkSent compares what was sent with what came back, numbers of enumerations as such.
func checkSent(f *fixture, sent, got obj) {
	f.Helper()
	for field, v := range sent {
		want := decode(f, mustJSON(f, v))
		switch field {
		case "application":
			want = 1.0
		case "multiLingual_tags", "streams":
			item := got[field].([]any)[0].(obj)
			delete(item, "objectType")
			want = want.([]any)[0]
			if diff := cmp.Diff(want, item); diff != "" {
				f.Errorf("%s: %s", field, diff)
			}
			continue
		}
		if diff := cmp.Diff(want, got[field]); diff != "" {
			f.Errorf("%s: %s", field, diff)
		}
	}
}

func TestWhatEntriesRefuse(t *testing.T) {
	f := onSQLite(t)
	mine := f.add(joe, obj{"name": "joe's"})["id"].(string)
	foreign := f.add(other, obj{"name": "theirs"})["id"].(string)
	gone := f.add(admin, obj{})["id"].(string)
	f.call(admin, "media.delete", obj{"entryId": gone})
	denied := `INVALID_KS{"ERR_CODE":"-4","ERR_DESC":"INVALID_TYPE","KSID":""}`
	missing := func(id string) string { return `ENTRY_ID_NOT_FOUND{"ENTRY_ID":"` + id + `"}` }
	tests := []struct {
		name, token, action string
		params              obj
		want                string
	}{
		{"unknown", admin, "media.get", obj{"entryId": "0_zzzzzzzz"}, missing("0_zzzzzzzz")},
		{"foreign", admin, "media.get", obj{"entryId": foreign}, missing(foreign)},
		{"foreign update", admin, "baseEntry.update", obj{"entryId": foreign, "baseEntry": obj{"name": "x"}}, missing(foreign)},
		{"foreign delete", admin, "media.delete", obj{"entryId": foreign}, missing(foreign)},
		{"foreign parent", admin, "media.add", obj{"entry": obj{"parentEntryId": foreign}}, missing(foreign)},
		{"foreign redirect", admin, "media.update", obj{"entryId": mine, "mediaEntry": obj{"redirectEntryId": foreign}}, missing(foreign)},
		{"foreign template", admin, "media.add", obj{"entry": obj{"templateEntryId": foreign}}, missing(foreign)},
		{"foreign source", admin, "media.addContent", obj{"entryId": mine, "resource": obj{"objectType": "KalturaEntryResource", "entryId": foreign}}, missing(foreign)},
		{"foreign source to copy", admin, "media.addFromEntry", obj{"sourceEntryId": foreign}, missing(foreign)},
		{"deleted", admin, "media.get", obj{"entryId": gone}, missing(gone)},
		{"deleted update", admin, "media.update", obj{"entryId": gone, "mediaEntry": obj{"name": "x"}}, missing(gone)},
		{"deleted again", admin, "media.delete", obj{"entryId": gone}, missing(gone)},
		{"own parent", admin, "media.update", obj{"entryId": mine, "mediaEntry": obj{"parentEntryId": mine}}, `INVALID_ENTRY_ID{"ID":"` + mine + `"}`},
		{"access profile", admin, "media.add", obj{"entry": obj{"accessControlId": 999}}, `ACCESS_CONTROL_ID_NOT_FOUND{"ID":"999"}`},
		{"conversion profile", admin, "media.add", obj{"entry": obj{"conversionProfileId": 999}}, `CONVERSION_PROFILE_ID_NOT_FOUND{"ID":"999"}`},
		{"conversion profile by its former name", admin, "media.add", obj{"entry": obj{"conversionQuality": "999"}}, `CONVERSION_PROFILE_ID_NOT_FOUND{"ID":"999"}`},
		{"conversion profile of an update", admin, "media.updateContent", obj{"entryId": mine, "resource": tokenResource("x"), "conversionProfileId": 999}, `CONVERSION_PROFILE_ID_NOT_FOUND{"ID":"999"}`},
		{"schedule", admin, "media.add", obj{"entry": obj{"startDate": 1900000001, "endDate": 1900000001}}, "INVALID_ENTRY_SCHEDULE_DATES"},
		{"schedule by halves", admin, "media.update", obj{"entryId": mine, "mediaEntry": obj{"startDate": 1900000001, "endDate": 1900000000}}, "INVALID_ENTRY_SCHEDULE_DATES"},
		{"read only", admin, "media.add", obj{"entry": obj{"status": 2}}, `PROPERTY_VALIDATION_NOT_UPDATABLE{"PROP_NAME":"KalturaMediaEntry::status"}`},
		{"insert only", admin, "media.update", obj{"entryId": mine, "mediaEntry": obj{"mediaType": 2}}, `PROPERTY_VALIDATION_NOT_UPDATABLE{"PROP_NAME":"KalturaMediaEntry::mediaType"}`},
		{"type", admin, "media.update", obj{"entryId": mine, "mediaEntry": obj{"type": 6}}, `PROPERTY_VALIDATION_NOT_UPDATABLE{"PROP_NAME":"KalturaMediaEntry::type"}`},
		{"enum", admin, "media.add", obj{"entry": obj{"licenseType": 999}}, `INVALID_ENUM_VALUE{"ENUM_TYPE":"KalturaLicenseType","ENUM_VAL":"999","PARAM_NAME":"licenseType"}`},
		{"short reference", admin, "media.add", obj{"entry": obj{"referenceId": "r"}}, `PROPERTY_VALIDATION_MIN_LENGTH{"MIN_LEN":"2","PROP_NAME":"KalturaMediaEntry::referenceId"}`},
		{"long user", admin, "media.add", obj{"entry": obj{"userId": strings.Repeat("u", 101)}}, `PROPERTY_VALIDATION_MAX_LENGTH{"MAX_LEN":"100","PROP_NAME":"KalturaMediaEntry::userId"}`},
		{"no entry", admin, "media.add", obj{}, `MISSING_MANDATORY_PARAMETER{"PARAM_NAME":"entry"}`},
		{"live by add", admin, "baseEntry.add", obj{"entry": obj{"objectType": "KalturaLiveStreamEntry"}}, `ENTRY_TYPE_NOT_SUPPORTED{"ENTRY_TYPE":"7"}`},
		{"class and type", admin, "baseEntry.add", obj{"entry": obj{"objectType": "KalturaPlaylist"}, "type": 6}, `ENTRY_TYPE_NOT_SUPPORTED{"ENTRY_TYPE":"6"}`},
		{"another's name", joe, "media.add", obj{"entry": obj{"userId": "ann"}}, denied},
		{"another creator", joe, "media.add", obj{"entry": obj{"creatorId": "ann"}}, denied},
		{"admin tags", joe, "media.add", obj{"entry": obj{"adminTags": "x"}}, `PROPERTY_VALIDATION_ADMIN_PROPERTY{"PROP_NAME":"KalturaMediaEntry::adminTags"}`},
		{"give away", joe, "media.update", obj{"entryId": mine, "mediaEntry": obj{"userId": "ann"}}, denied},
		{"not mine", ann, "media.update", obj{"entryId": mine, "mediaEntry": obj{"name": "x"}}, denied},
		{"not mine delete", ann, "media.delete", obj{"entryId": mine}, denied},
		{"not mine content", ann, "media.addContent", obj{"entryId": mine, "resource": obj{"objectType": "KalturaUploadedFileTokenResource", "token": "t"}}, denied},
		{"limited elsewhere", "101/user/joe/limitentry:" + gone, "media.update", obj{"entryId": mine, "mediaEntry": obj{"name": "x"}}, denied},
		{"limited add", "101/user/joe/limitentry:" + mine, "media.add", obj{"entry": obj{}}, denied},
		{"reference missing", admin, "baseEntry.listByReferenceId", obj{"refId": ""}, `MISSING_MANDATORY_PARAMETER{"PARAM_NAME":"refId"}`},
		{"search by metadata", admin, "media.list", obj{"filter": obj{"advancedSearch": obj{"items": []any{obj{"field": "x"}}}}}, `FEATURE_FORBIDDEN{"FEATURE":"advancedSearch of items without a metadataProfileId"}`},
		{"nothing replaces", admin, "media.approveReplace", obj{"entryId": mine}, `ENTRY_ID_NOT_REPLACED{"ENTRY_ID":"` + mine + `"}`},
		{"nothing to cancel", admin, "baseEntry.cancelReplace", obj{"entryId": mine}, `ENTRY_ID_NOT_REPLACED{"ENTRY_ID":"` + mine + `"}`},
		{"moderation by users", joe, "media.approve", obj{"entryId": mine}, `SERVICE_FORBIDDEN{"SERVICE":"media-\u003eapprove"}`},
	}
	for _, tt := range tests {
		if got := f.fails(tt.token, tt.action, tt.params); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.name, got, tt.want)
		}
	}
	f.set(mine, func(e *catalog.Entry) { e.Status = catalog.EntryReady })
	if got := f.fails(admin, "media.update", obj{"entryId": mine, "mediaEntry": obj{"msDuration": 5}}); got != `PROPERTY_VALIDATION_ENTRY_STATUS{"PROP_NAME":"KalturaMediaEntry::msDuration","STATUS":"2"}` {
		t.Errorf("duration of content: %s", got)
	}
}

func TestUsersEditWhatTheyMay(t *testing.T) {
	f := onSQLite(t)
	mine := f.add(joe, obj{"name": "n", "entitledUsersEdit": "carl"})["id"].(string)
	for _, token := range []string{
		joe, admin, "101/user/carl/", "101/user/ann/edit:" + mine, "101/user/ann/edit:*", "101/user/ann/*", "101/user/joe/limitentry:" + mine,
	} {
		got := f.get(token, "media.update", obj{"entryId": mine, "mediaEntry": obj{"name": token}})
		if got["name"] != token {
			t.Errorf("%s: name %v", token, got["name"])
		}
	}
}

func TestTemplatesGiveWhatIsNotSent(t *testing.T) {
	f := onSQLite(t)
	from := f.add(admin, obj{"name": "template", "description": "d", "tags": "a,b", "categories": "c", "licenseType": 4})["id"]
	got := f.add(admin, obj{"name": "n", "tags": "own", "templateEntryId": from})
	want := obj{"name": "n", "description": "d", "tags": "own", "categories": "c", "licenseType": 4.0, "templateEntryId": from}
	for field, want := range want {
		if got[field] != want {
			t.Errorf("%s is %v, want %v", field, got[field], want)
		}
	}
}

func TestEveryTypeHasItsClass(t *testing.T) {
	f := onSQLite(t)
	tests := []struct {
		entry  obj
		typ    any
		class  string
		status float64
	}{
		{obj{"objectType": "KalturaMediaEntry"}, nil, "KalturaMediaEntry", 7},
		{obj{"objectType": "KalturaBaseEntry"}, nil, "KalturaMediaEntry", 7},
		{obj{}, 6, "KalturaDataEntry", 2},
		{obj{"objectType": "KalturaDataEntry", "dataContent": "text"}, -1, "KalturaDataEntry", 2},
		{obj{"objectType": "KalturaPlaylist", "playlistType": 3, "playlistContent": "0_a,0_b"}, nil, "KalturaPlaylist", 2},
	}
	for _, tt := range tests {
		params := obj{"entry": tt.entry}
		if tt.typ != nil {
			params["type"] = tt.typ
		}
		made := f.get(admin, "baseEntry.add", params)
		got := f.get(admin, "baseEntry.get", obj{"entryId": made["id"]})
		if got["objectType"] != tt.class || got["status"] != tt.status {
			t.Errorf("%v: %v, status %v", tt.entry, got["objectType"], got["status"])
		}
		for _, field := range []string{"dataContent", "playlistContent"} {
			if tt.entry[field] != got[field] {
				t.Errorf("%s is %v, want %v", field, got[field], tt.entry[field])
			}
		}
		if tt.class != "KalturaMediaEntry" {
			f.fails(admin, "media.get", obj{"entryId": made["id"]})
		}
	}
}

func TestDeletedEntriesAreGone(t *testing.T) {
	everyDatabase(t, func(f *fixture) {
		id := f.ready(admin, obj{"name": "n"})
		_, err := f.db.AddAssets(f.Context(), catalog.EntryID(id), []catalog.Asset{{Type: catalog.AssetFlavor, Name: "source", Original: true, Status: catalog.AssetReady}})
		if err != nil {
			f.Fatal(err)
		}
		if got := f.get(admin, "media.get", obj{"entryId": id}); got["flavorParamsIds"] != "0" {
			f.Errorf("flavors %v", got["flavorParamsIds"])
		}
		if got := f.call(admin, "media.delete", obj{"entryId": id}); got != nil {
			f.Errorf("delete answers %v", got)
		}
		f.fails(admin, "media.get", obj{"entryId": id})
		if got := f.names(admin, "media.list", obj{"filter": obj{"idEqual": id}}); got != "" {
			f.Errorf("listed: %s", got)
		}
		if got := f.names(admin, "media.list", obj{"filter": obj{"statusEqual": 3}}); got != "n" {
			f.Errorf("among the deleted: %q", got)
		}
		assets, err := f.db.Assets(f.Context(), catalog.EntryID(id))
		if err != nil || len(assets) != 0 {
			f.Errorf("%d assets, %v", len(assets), err)
		}
		if err := f.db.PurgeEntry(f.Context(), catalog.EntryID(id)); err != nil {
			f.Error(err)
		}
		if got := f.names(admin, "media.list", obj{"filter": obj{"statusEqual": 3}}); got != "" {
			f.Errorf("after the purge: %q", got)
		}
	})
}

func TestModeration(t *testing.T) {
	f := onSQLite(t)
	id := f.ready(admin, obj{"name": "n"})
	f.call(admin, "media.reject", obj{"entryId": id})
	if got := f.get(admin, "media.get", obj{"entryId": id}); got["moderationStatus"] != 3.0 {
		t.Errorf("rejected: %v", got["moderationStatus"])
	}
	if got := f.names(admin, "media.list", nil); got != "" {
		t.Errorf("rejected entries are listed: %s", got)
	}
	f.call(admin, "baseEntry.approve", obj{"entryId": id})
	if got := f.names(admin, "media.list", nil); got != "n" {
		t.Errorf("approved entries are not listed: %s", got)
	}
}

package media_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"sluice/api/rpc"
	"sluice/api/rpc/kaltura"
	"sluice/catalog"
)

func TestListsKeepToTheirDefaults(t *testing.T) {
	everyDatabase(t, func(f *fixture) {
		empty := f.add(admin, obj{"name": "empty", "referenceId": "ref"})["id"]
		ready := f.ready(admin, obj{"name": "ready", "referenceId": "ref"})
		pending := f.ready(admin, obj{"name": "pending"})
		f.set(pending, func(e *catalog.Entry) { e.Moderation = catalog.ModerationPending })
		hidden := f.ready(admin, obj{"name": "hidden", "parentEntryId": ready})
		f.set(hidden, func(e *catalog.Entry) { e.Display = catalog.DisplaySystem })
		redirected := f.ready(admin, obj{"name": "redirected", "redirectEntryId": hidden})
		f.get(admin, "baseEntry.add", obj{"entry": obj{"name": "playlist", "objectType": "KalturaPlaylist"}})
		f.ready(other, obj{"name": "theirs"})
		tests := []struct {
			name   string
			filter obj
			want   string
		}{
			{"none", nil, "redirected ready"},
			{"status", obj{"statusIn": "2,7"}, "redirected ready empty"},
			{"status equal text", obj{"statusEqual": "7"}, "empty"},
			{"not ready", obj{"statusNotEqual": 2}, "empty"},
			{"moderation", obj{"moderationStatusIn": "1,6"}, "redirected pending ready"},
			{"display", obj{"displayInSearchEqual": -1}, "hidden"},
			{"parent", obj{"parentEntryIdEqual": ready}, "hidden"},
			{"id", obj{"idEqual": empty}, "empty"},
			{"id of hidden", obj{"idEqual": hidden}, "hidden"},
			{"ids", obj{"idIn": fmt.Sprintf("%v, %v,%v", empty, ready, hidden)}, "hidden ready"},
			{"redirect", obj{"redirectFromEntryId": redirected}, "hidden"},
			{"redirect of none", obj{"redirectFromEntryId": ready}, "ready"},
			{"redirect of nothing", obj{"redirectFromEntryId": "0_zzzzzzzz"}, ""},
			{"free text", obj{"freeText": "rea"}, "ready"},
			{"name", obj{"nameLike": "ED"}, "redirected"},
			{"names", obj{"tagsNameMultiLikeOr": "xx,dire"}, "redirected"},
			{"empty equal", obj{"referenceIdEqual": ""}, "redirected ready"},
			{"order", obj{"orderBy": "+name"}, "ready redirected"},
			{"order by nonsense", obj{"orderBy": "-nonsense,+createdAt"}, "ready redirected"},
			{"order by recency", obj{"orderBy": "-recent"}, "redirected ready"},
			{"root", obj{"isRoot": 1}, "redirected ready"},
			{"an hour ago", obj{"createdAtGreaterThanOrEqual": -3600}, "redirected ready"},
			{"later", obj{"createdAtGreaterThanOrEqual": time.Now().Unix() + 3600}, ""},
			{"never starts", obj{"startDateLessThanOrEqualOrNull": 10}, "redirected ready"},
			{"starts", obj{"startDateLessThanOrEqual": 10}, ""},
			{"type", obj{"typeEqual": 5}, ""},
			{"its type", obj{"typeIn": "1,5"}, "redirected ready"},
			{"another class", obj{"objectType": "KalturaBaseEntryFilter", "nameEqual": "ready"}, "ready"},
		}
		for _, tt := range tests {
			params := obj{"filter": tt.filter}
			if tt.filter == nil {
				params = nil
			}
			if got := f.names(admin, "media.list", params); got != tt.want {
				f.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
			}
			count, _ := f.call(admin, "media.count", params).(float64)
			if total := f.get(admin, "media.list", params)["totalCount"].(float64); total != count {
				f.Errorf("%s: %v counted, %v in all", tt.name, count, total)
			}
		}
		if got := f.names(admin, "baseEntry.list", nil); got != "playlist redirected ready" {
			f.Errorf("entries of every type: %q", got)
		}
		if got := f.names(admin, "baseEntry.list", obj{"filter": obj{"typeEqual": 5}}); got != "playlist" {
			f.Errorf("playlists: %q", got)
		}
		if got := f.names(admin, "baseEntry.listByReferenceId", obj{"refId": "ref"}); got != "ready" {
			f.Errorf("by reference: %q", got)
		}
		ids := fmt.Sprintf("%s,0_zzzzzzzz,%v,%s", ready, empty, ready)
		if got := f.names(admin, "baseEntry.getByIds", obj{"entryIds": ids}); got != "ready empty" {
			f.Errorf("by ids: %q", got)
		}
		if list := f.get(admin, "media.list", nil); list["objectType"] != "KalturaMediaListResponse" {
			f.Errorf("class %v", list["objectType"])
		}
	})
}

func TestPages(t *testing.T) {
	everyDatabase(t, func(f *fixture) {
		for i := range 5 {
			f.ready(admin, obj{"name": string(rune('a' + i))})
		}
		for _, tt := range []struct {
			pager obj
			want  string
		}{
			{nil, "e d c b a"},
			{obj{"pageSize": 2}, "e d"},
			{obj{"pageSize": 2, "pageIndex": 2}, "c b"},
			{obj{"pageSize": "2", "pageIndex": 3}, "a"},
			{obj{"pageSize": 2, "pageIndex": 4}, ""},
			{obj{"pageSize": 2, "pageIndex": 0}, "e d"},
			{obj{"pageSize": 0}, ""},
			{obj{"pageSize": -1}, ""},
			{obj{"pageSize": 9999}, "e d c b a"},
		} {
			list := f.get(admin, "media.list", obj{"pager": tt.pager})
			if got := names(list); got != tt.want || list["totalCount"] != 5.0 {
				f.Errorf("pager %v: %q of %v, want %q", tt.pager, got, list["totalCount"], tt.want)
			}
		}
	})
}

func TestSessionsSeeWhatTheyMay(t *testing.T) {
	f := onSQLite(t)
	mine := f.ready(joe, obj{"name": "joe's"})
	f.ready(ann, obj{"name": "ann's"})
	for _, tt := range []struct {
		token  string
		filter obj
		want   string
	}{
		{admin, nil, "ann's joe's"},
		{joe, nil, "joe's"},
		{"101/user/joe/list:*", nil, "ann's joe's"},
		{"101/user/carl/", nil, ""},
		{joe, obj{"userIdEqual": "ann"}, ""},
		{ann, obj{"idEqual": mine}, ""},
		{"101/user//", nil, ""},
		{widget, nil, ""},
		{widget, obj{"idEqual": mine}, "joe's"},
		{widget, obj{"idIn": mine}, "joe's"},
		{widget, obj{"redirectFromEntryId": mine}, "joe's"},
	} {
		if got := f.names(tt.token, "baseEntry.list", obj{"filter": tt.filter}); got != tt.want {
			t.Errorf("%s, %v: got %q, want %q", tt.token, tt.filter, got, tt.want)
		}
	}
	if got := f.get(widget, "media.get", obj{"entryId": mine}); got["name"] != "joe's" {
		t.Errorf("widget: %v", got)
	}
}

func TestListsLeaveOutWhatASessionIsNotEntitledTo(t *testing.T) {
	everyDatabase(t, func(f *fixture) {
		id := f.ready(joe, obj{"name": "joe's", "categories": "private"})
		f.ready(joe, obj{"name": "free"})
		private, err := f.db.CategoryByName(f.Context(), 101, "private")
		if err != nil {
			f.Fatal(err)
		}
		_, err = f.db.UpdateCategory(f.Context(), 101, private.ID, func(c *catalog.Category) error {
			c.More = []byte(`{"privacyContext":"club","privacy":3}`)
			return nil
		})
		if err != nil {
			f.Fatal(err)
		}
		named := obj{"idIn": id}
		for _, tt := range []struct {
			token  string
			filter obj
			want   string
		}{
			{admin, nil, "free joe's"},
			{joe, nil, "free joe's"},
			{"101/user/ann/list:*", nil, "free"},
			{"101/user/ann/list:*", named, ""},
			{"101/user/ann/list:*,disableentitlement", nil, "free joe's"},
			{"101/user/ann/list:*,disableentitlementforentry:" + id, nil, "free joe's"},
			{"101/admin/root/enableentitlement", nil, "free"},
			{widget, named, ""},
		} {
			list := f.get(tt.token, "media.list", obj{"filter": tt.filter})
			if got := names(list); got != tt.want || list["totalCount"] != float64(len(strings.Fields(tt.want))) {
				f.Errorf("%s, %v: got %q of %v, want %q", tt.token, tt.filter, got, list["totalCount"], tt.want)
			}
		}
		ann := "101/user/ann/"
		if got := f.names(ann, "baseEntry.getByIds", obj{"entryIds": id}); got != "" {
			f.Errorf("by ids: %q", got)
		}
		if got := f.fails(ann, "media.get", obj{"entryId": id}); !strings.HasPrefix(got, "ENTRY_ID_NOT_FOUND") {
			f.Errorf("by id: %s", got)
		}
		if got := f.get(joe, "media.get", obj{"entryId": id}); got["name"] != "joe's" {
			f.Errorf("its owner: %v", got)
		}
	})
}

func TestTheDefaultAccessProfileIncludesEntriesWithoutOne(t *testing.T) {
	f := onSQLite(t)
	p, err := f.db.AddAccessControl(t.Context(), 101, catalog.AccessControl{Name: "default", Default: true})
	if err != nil {
		p, err = f.db.DefaultAccessControl(t.Context(), 101)
		if err != nil {
			t.Fatal(err)
		}
	}
	id := f.ready(admin, obj{"name": "n"})
	f.set(id, func(e *catalog.Entry) { e.AccessControl = 0 })
	if got := f.names(admin, "media.list", obj{"filter": obj{"accessControlIdEqual": p.ID}}); got != "n" {
		t.Errorf("listed: %q", got)
	}
	if got := f.get(admin, "media.get", obj{"entryId": id}); got["accessControlId"] != float64(p.ID) {
		t.Errorf("profile %v, want %d", got["accessControlId"], p.ID)
	}
}

// TestTheCatalogKnowsEveryFilter asks the catalog with each condition and order that a client may send.
func TestTheCatalogKnowsEveryFilter(t *testing.T) {
	r := rpc.NewRegistry()
	kaltura.RegisterResources(r)
	kaltura.RegisterEntries(r)
	everyDatabase(t, func(f *fixture) {
		for class, fields := range map[string]func(*rpc.Registry) ([]catalog.Cond, []string, error){
			"base entry": rpc.FilterFields[kaltura.BaseEntry], "playable entry": rpc.FilterFields[kaltura.PlayableEntry],
			"media entry": rpc.FilterFields[kaltura.MediaEntry], "data entry": rpc.FilterFields[kaltura.DataEntry],
			"playlist": rpc.FilterFields[kaltura.Playlist], "live stream": rpc.FilterFields[kaltura.LiveStreamEntry],
		} {
			conds, orders, err := fields(r)
			if err != nil || len(conds) < 60 || len(orders) < 9 {
				f.Fatalf("%s: %d conditions, %d orders, %v", class, len(conds), len(orders), err)
			}
			for _, c := range conds {
				c.Values = []any{int64(1)}
				if _, _, err := f.db.QueryEntries(f.Context(), 101, catalog.Query{Conds: []catalog.Cond{c}, Limit: 1}); err != nil {
					f.Errorf("%s: %s %s: %v", class, c.Field, c.Op, err)
				}
			}
			for _, o := range orders {
				q := catalog.Query{Order: []catalog.Order{{Field: o, Desc: true}}, Limit: 1}
				if _, _, err := f.db.QueryEntries(f.Context(), 101, q); err != nil {
					f.Errorf("%s: order by %s: %v", class, o, err)
				}
			}
		}
	})
}

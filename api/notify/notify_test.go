package notify_test

import (
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"sluice/catalog"
)

func TestReadyEntriesAreTold(t *testing.T) {
	everyDatabase(t, func(t *testing.T, f *fixture) {
		before := f.entry(1, "before")
		tm := f.template(params{"eventConditions": names("entry.ready,entry.failed"), "systemName": "READY", "customHeaders": []params{{"key": "X-Own", "value": "yes"}},
			"username": "me", "password": "hunter2"})
		f.run()
		e, other := f.entry(1, "Film"), f.entry(2, "Foreign")
		for _, id := range []catalog.EntryID{before.ID, e.ID, other.ID} {
			f.ready(id)
		}
		f.eventually("both entries are told", func() bool { return len(f.deliveries("1")) == 2 })
		got := f.requests()
		if len(got) != 2 {
			t.Fatalf("told %+v", got)
		}
		told := got[0]
		if !strings.Contains(told.Body, string(e.ID)) {
			told = got[1]
		}
		var n struct {
			Object                             map[string]any
			EventObjectType, EventType         int
			EventNotificationJobID, TemplateID int64
			TemplateName, TemplateSystemName   string
			ObjectType                         string
		}
		if err := json.Unmarshal([]byte(told.Body), &n); err != nil {
			t.Fatal(err, told.Body)
		}
		if n.Object["id"] != string(e.ID) || n.Object["name"] != "Film" || n.Object["status"] != 2.0 || n.Object["objectType"] != "KalturaMediaEntry" ||
			n.EventObjectType != 1 || n.EventType != 3 || n.TemplateSystemName != "READY" || n.ObjectType != "KalturaHttpNotification" ||
			float64(n.TemplateID) != tm["id"] {
			t.Errorf("told %s", told.Body)
		}
		sum := sha1.Sum([]byte(f.secret + told.Body))
		user, password, _ := (&http.Request{Header: told.Header}).BasicAuth()
		if told.Header.Get("X-Kaltura-Signature") != hex.EncodeToString(sum[:]) || told.Header.Get("X-Kaltura-Hash-Algo") != "sha1" ||
			told.Header.Get("Content-Type") != "application/json" || told.Header.Get("X-Own") != "yes" || user != "me" || password != "hunter2" ||
			told.Header.Get("X-Sluice-Delivery") != fmt.Sprint(n.EventNotificationJobID) || told.Header.Get("X-Sluice-Event") != "entry.ready" {
			t.Errorf("headers %v", told.Header)
		}
		if told.Method != "POST" || told.Path != "/hook" {
			t.Errorf("told by %s %s", told.Method, told.Path)
		}
	})
}

func TestTemplatesChooseEvents(t *testing.T) {
	everyDatabase(t, func(t *testing.T, f *fixture) {
		want := map[string][]string{}
		add := func(name, events string, change params) {
			change["url"] = f.hook.URL + "/" + name
			f.template(change)
			want["/"+name] = strings.Fields(events)
		}
		add("added", "entry.created", params{"eventType": "2"})
		add("changed", "entry.updated entry.updated", params{"eventType": "3"})
		add("deleted", "entry.deleted", params{"eventType": "7"})
		add("flavor", "asset.ready", params{"eventType": "3", "eventObjectType": "4"})
		add("asset", "asset.ready asset.ready asset.deleted", params{"eventObjectType": "3", "eventConditions": names("asset.ready,asset.deleted")})
		add("caption", "asset.ready", params{"eventObjectType": "captionAssetEventNotifications.CaptionAsset"})
		add("by-hand", "", params{"automaticDispatchEnabled": false, "manualDispatchEnabled": true})
		off := f.template(params{"url": f.hook.URL + "/off"})
		f.call("updateStatus", params{"id": off["id"], "status": 1})
		f.run()
		e := f.entry(1, "Film")
		f.ready(e.ID)
		f.change(e.ID, func(e *catalog.Entry) { e.Description = "x" })
		made, err := f.db.AddAssets(t.Context(), e.ID, []catalog.Asset{
			{Type: catalog.AssetFlavor, Name: "source", Original: true, Status: catalog.AssetReady, Kind: "video"},
			{Type: catalog.AssetCaption, Name: "en", Status: catalog.AssetReady, Kind: "text"},
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := f.db.DeleteAsset(t.Context(), made[1].ID); err != nil {
			t.Fatal(err)
		}
		if err := f.db.DeleteEntry(t.Context(), e.ID); err != nil {
			t.Fatal(err)
		}
		last, err := f.db.LastEvent(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		f.eventually("all events are looked at and sent", func() bool {
			seq, err := f.db.Cursor(t.Context(), "notifications")
			return err == nil && seq == last && len(f.deliveries("0")) == 0
		})
		got := map[string][]string{}
		for _, r := range f.requests() {
			got[r.Path] = append(got[r.Path], r.Header.Get("X-Sluice-Event"))
		}
		for path, events := range want {
			if path == "/asset" { // an entry that is deleted takes its assets with it, one event each
				if len(got[path]) < 3 {
					t.Errorf("%s was told %v", path, got[path])
				}
				continue
			}
			if strings.Join(got[path], " ") != strings.Join(events, " ") {
				t.Errorf("%s was told %v, want %v", path, got[path], events)
			}
		}
		if got["/off"] != nil {
			t.Error("a disabled template was told")
		}
	})
}

func TestBodiesOfEveryKind(t *testing.T) {
	everyDatabase(t, func(t *testing.T, f *fixture) {
		parameters := []params{
			{"objectType": "KalturaEventNotificationParameter", "key": "link", "value": params{"objectType": "KalturaStringValue", "value": "https://x/{entry_id}?a=b&c"}},
			{"objectType": "KalturaEventNotificationParameter", "key": "who", "value": params{"objectType": "KalturaStringValue", "value": "me & you"}},
		}
		f.template(params{"name": "xml", "url": f.hook.URL + "/xml", "data": params{"objectType": "KalturaHttpNotificationObjectData", "format": 2, "ignoreNull": true, "apiObjectType": "KalturaMediaEntry"}, "eventConditions": names("entry.ready"), "secureHashingAlgo": 2})
		f.template(params{"url": f.hook.URL + "/form", "data": params{"objectType": "KalturaHttpNotificationObjectData", "format": 1}, "customHeaders": []params{{"key": "Content-Type", "value": "application/x-www-form-urlencoded"}}, "eventConditions": names("entry.ready")})
		f.template(params{"url": f.hook.URL + "/text?e={entry_id}&w={who}", "method": 3, "contentParameters": parameters, "data": params{"objectType": "KalturaHttpNotificationDataText", "content": params{"objectType": "KalturaStringValue", "value": "{event} of {entry_id}: {link} {unknown}"}}, "eventConditions": names("entry.ready")})
		f.template(params{"url": f.hook.URL + "/get?x=1", "method": 1, "contentParameters": parameters, "data": params{"objectType": "KalturaHttpNotificationDataFields"}, "eventConditions": names("entry.ready")})
		f.run()
		e := f.entry(1, "A <b> & c")
		f.ready(e.ID)
		f.eventually("four are told", func() bool { return len(f.deliveries("1")) == 4 })
		got := map[string]told{}
		for _, r := range f.requests() {
			got[r.Path] = r
		}
		xml := got["/xml"]
		q, err := url.ParseQuery(xml.Body)
		if text := q.Get("data"); err != nil || !strings.HasPrefix(text, "<notification><objectType>KalturaHttpNotification</objectType><object><objectType>KalturaMediaEntry</objectType>") ||
			!strings.Contains(text, "<name>A &lt;b&gt; &amp; c</name>") || !strings.HasSuffix(text, "<templateName>xml</templateName><templateSystemName></templateSystemName><eventType>3</eventType></notification>") {
			t.Errorf("xml: %s, %v", text, err)
		}
		sum := sha256.Sum256([]byte(f.secret + xml.Body))
		if xml.Header.Get("X-Kaltura-Signature") != hex.EncodeToString(sum[:]) || xml.Header.Get("X-Kaltura-Hash-Algo") != "sha256" {
			t.Errorf("signed %v", xml.Header)
		}
		q, err = url.ParseQuery(got["/form"].Body)
		if err != nil || !json.Valid([]byte(q.Get("data"))) || !strings.Contains(q.Get("data"), string(e.ID)) {
			t.Errorf("form: %v, %v", q, err)
		}
		text := got["/text"]
		if want := fmt.Sprintf("entry.ready of %s: https://x/%s?a=b&c {unknown}", e.ID, e.ID); text.Body != want || text.Method != "PUT" {
			t.Errorf("text: %s %q", text.Method, text.Body)
		}
		if text.Query != "e="+string(e.ID)+"&w=me+%26+you" {
			t.Errorf("placeholders of a URL: %s", text.Query)
		}
		get := got["/get"]
		q, err = url.ParseQuery(get.Query)
		if err != nil || get.Method != "GET" || get.Body != "" || q.Get("x") != "1" || q.Get("who") != "me & you" || q.Get("link") != "https://x/"+string(e.ID)+"?a=b&c" {
			t.Errorf("get: %+v", get)
		}
	})
}

func TestFailuresAreTriedAgainAndRecorded(t *testing.T) {
	everyDatabase(t, func(t *testing.T, f *fixture) {
		f.template(params{"eventConditions": names("entry.created")})
		f.answer = func(w http.ResponseWriter, n int) {
			if n < 4 {
				w.WriteHeader(http.StatusBadGateway)
				fmt.Fprint(w, strings.Repeat("no", 1000))
			}
		}
		f.run()
		f.entry(1, "Film")
		f.eventually("it is told at last", func() bool { return len(f.deliveries("1")) == 1 })
		got := f.requests()
		if len(got) != 4 || got[0].Body != got[3].Body || got[0].Header.Get("X-Kaltura-Signature") != got[3].Header.Get("X-Kaltura-Signature") {
			t.Errorf("tried %d times, or not with the same", len(got))
		}
		d := f.deliveries("1")[0]
		if d["attempts"] != 4.0 || d["responseCode"] != 200.0 || d["error"] != nil || d["eventName"] != "entry.created" || d["finishedAt"] == nil {
			t.Errorf("recorded %v", d)
		}
	})
}

func TestGivenUpDeliveriesAreSentAgainByHand(t *testing.T) {
	everyDatabase(t, func(t *testing.T, f *fixture) {
		f.template(params{"eventConditions": names("entry.created")})
		f.answer = func(w http.ResponseWriter, n int) {
			if n == 1 {
				w.WriteHeader(http.StatusGone)
				fmt.Fprint(w, "closed")
			}
		}
		f.run()
		f.entry(1, "Film")
		f.eventually("it is given up", func() bool { return len(f.deliveries("2")) == 1 })
		d := f.deliveries("2")[0]
		if d["error"] != "the answer was 410 Gone" || d["response"] != "closed" || d["responseCode"] != 410.0 {
			t.Errorf("recorded %v", d)
		}
		id := d["id"]
		if got := f.refused("log.retry", params{"ks": "2", "id": id}); got != fmt.Sprintf("INVALID_OBJECT_ID[ID:%v]", id) {
			t.Errorf("by another account: %s", got)
		}
		f.call("log.retry", params{"id": id})
		f.eventually("it is told at last", func() bool { return f.call("log.get", params{"id": id})["status"] == 1.0 })
		if again := f.call("log.retry", params{"id": id}); again["status"] != 1.0 || len(f.requests()) != 2 {
			t.Errorf("told again: %v", again)
		}
	})
}

func TestGuardKeepsNotificationsOutOfTheNetwork(t *testing.T) {
	f := newFixture(t, sqlite(t))
	inside := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the network inside was reached") }))
	defer inside.Close()
	f.template(params{"url": inside.URL, "eventConditions": names("entry.created")})
	f.template(params{"url": strings.Replace(inside.URL, "127.0.0.1", "localhost", 1), "eventConditions": names("entry.created")})
	f.run()
	f.entry(1, "Film")
	f.eventually("both are given up", func() bool { return len(f.deliveries("2")) == 2 })
	for _, d := range f.deliveries("2") {
		if text := fmt.Sprint(d["error"]); !strings.Contains(text, "refused") || d["attempts"] != 1.0 {
			t.Errorf("recorded %v", d)
		}
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	f := newFixture(t, sqlite(t), "127.0.0.1")
	f.template(params{"eventConditions": names("entry.created")})
	f.answer = func(w http.ResponseWriter, n int) {
		if n == 1 {
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(http.StatusTemporaryRedirect)
		}
	}
	f.run()
	f.entry(1, "Film")
	f.eventually("it is told", func() bool { return len(f.deliveries("1")) == 1 })
	for _, r := range f.requests() {
		if r.Path != "/hook" {
			t.Errorf("told %s", r.Path)
		}
	}
}

func TestDeadReceiverHoldsNobodyUp(t *testing.T) {
	f := newFixture(t, sqlite(t), "127.0.0.1")
	release := make(chan struct{})
	dead := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer dead.Close()
	defer close(release)
	f.template(params{"url": dead.URL, "eventConditions": names("entry.created"), "timeout": 60})
	f.template(params{"eventConditions": names("entry.created")})
	stop := f.run()
	for range 50 {
		f.entry(1, "Film")
	}
	f.eventually("the other one is told everything", func() bool { return len(f.deliveries("1")) == 50 })
	stop()
	for _, d := range f.deliveries("0") {
		if next, _ := d["nextAttemptAt"].(float64); next > float64(time.Now().Unix()+2) {
			t.Errorf("what was under way at the stop is not due: %v", d)
		}
	}
}

func TestEnginesShareTheWorkAndTellOnce(t *testing.T) {
	everyDatabase(t, func(t *testing.T, f *fixture) {
		f.template(params{"eventConditions": names("entry.created")})
		for range 3 {
			f.run()
		}
		for range 30 {
			f.entry(1, "Film")
		}
		f.eventually("all are told", func() bool { return len(f.deliveries("1")) == 30 })
		if n := len(f.requests()); n != 30 {
			t.Errorf("30 entries were told %d times", n)
		}
	})
}

func TestNothingIsLeftRunning(t *testing.T) {
	f := newFixture(t, sqlite(t), "127.0.0.1")
	f.template(params{"eventConditions": names("entry.created")})
	ignore := goleak.IgnoreCurrent()
	stop := f.run()
	f.entry(1, "Film")
	f.eventually("it is told", func() bool { return len(f.requests()) == 1 })
	stop()
	f.hook.Close()
	http.DefaultClient.CloseIdleConnections()
	goleak.VerifyNone(t, ignore, goleak.IgnoreAnyFunction("net/http.(*conn).serve"), goleak.IgnoreAnyFunction("net/http.(*persistConn).readLoop"), goleak.IgnoreAnyFunction("net/http.(*persistConn).writeLoop"), goleak.IgnoreAnyFunction("database/sql.(*DB).connectionOpener"))
}

func TestAResponseProfileChoosesWhatIsTold(t *testing.T) {
	everyDatabase(t, func(t *testing.T, f *fixture) {
		add := func(name, body string) int64 {
			p, err := f.db.AddResponseProfile(t.Context(), 1, catalog.ResponseProfile{Name: name, Status: 2, Body: []byte(body)})
			if err != nil {
				t.Fatal(err)
			}
			return p.ID
		}
		brief, gone := add("brief", `{"type":1,"fields":"id,name"}`), add("gone", `{"type":1,"fields":"id"}`)
		if err := f.db.DeleteResponseProfile(t.Context(), 1, gone); err != nil {
			t.Fatal(err)
		}
		data := func(format int, profile int64) params {
			return params{"objectType": "KalturaHttpNotificationObjectData", "format": format, "ignoreNull": true, "responseProfileId": profile}
		}
		for path, d := range map[string]params{"/json": data(1, brief), "/xml": data(2, brief), "/gone": data(1, gone)} {
			made := f.template(params{"url": f.hook.URL + path, "data": d, "eventConditions": names("entry.ready"), "connectTimeout": 3, "authenticationMethod": -18})
			if kept, _ := made["data"].(map[string]any); kept["responseProfileId"] != float64(d["responseProfileId"].(int64)) || made["connectTimeout"] != 3.0 || made["authenticationMethod"] != -18.0 {
				t.Errorf("kept %v", made)
			}
		}
		f.run()
		e := f.entry(1, "Film")
		f.ready(e.ID)
		f.eventually("three are told", func() bool { return len(f.deliveries("1")) == 3 })
		for _, r := range f.requests() {
			form, _ := url.ParseQuery(r.Body)
			want := map[string]string{
				"/json": fmt.Sprintf(`{"object":{"id":%q,"name":"Film","objectType":"KalturaMediaEntry"},`, e.ID),
				"/xml":  fmt.Sprintf(`<object><objectType>KalturaMediaEntry</objectType><id>%s</id><name>Film</name></object>`, e.ID),
				"/gone": `"status":2`,
			}[r.Path]
			if !strings.Contains(r.Body+form.Get("data"), want) {
				t.Errorf("%s was told %s", r.Path, r.Body)
			}
		}
	})
}

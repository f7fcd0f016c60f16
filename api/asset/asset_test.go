package asset_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sluice/api/asset"
	"sluice/api/rpc"
	"sluice/api/rpc/access"
	"sluice/api/rpc/kaltura"
	"sluice/api/rpc/ks"
	"sluice/catalog"
	"sluice/ingest/content"
	"sluice/storage"
	"sluice/storage/disk"
)

type obj = map[string]any

// tokens are sessions by their token.
type tokens map[string]*ks.Session

func (s tokens) Open(_ context.Context, token string, _ ks.Origin) (*ks.Session, error) {
	if found, ok := s[token]; ok {
		return found, nil
	}
	return nil, rpc.E("INVALID_KS", "KSID", token, "ERR_CODE", "-1", "ERR_DESC", "INVALID_STR")
}

func (tokens) Count(context.Context, *ks.Session) error                           { return nil }
func (tokens) Permits(context.Context, *ks.Session, string, string) (bool, error) { return true, nil }

// fixture is a server with the services of assets, and an entry of account 102.
type fixture struct {
	*testing.T
	db      *catalog.DB
	store   storage.Store
	content *content.Service
	asked   asked
	url     string
	entry   string
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	db, err := catalog.Open(t.Context(), "sqlite://"+filepath.Join(t.TempDir(), "catalog.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	store, err := disk.Open(filepath.Join(t.TempDir(), "objects"))
	if err != nil {
		t.Fatal(err)
	}
	sessions := tokens{}
	for _, id := range []catalog.AccountID{102, 103} {
		if _, _, err := db.EnsureAccount(t.Context(), id, "a"); err != nil {
			t.Fatal(err)
		}
		sessions[fmt.Sprint(id)] = &ks.Session{Token: fmt.Sprint(id), Account: id, Type: ks.AdminType}
	}
	sessions["user"] = &ks.Session{Token: "user", Account: 102, User: "u", Privileges: ks.ParsePrivileges("enablecaptionmoderation,edit:*")}
	sessions["stranger"] = &ks.Session{Token: "stranger", Account: 102, User: "s"}
	reg := rpc.NewRegistry()
	kaltura.RegisterResources(reg)
	log := slog.New(slog.DiscardHandler)
	c := &content.Service{Catalog: db, Store: store, Incoming: filepath.Join(t.TempDir(), "incoming"), Log: log}
	pictures := asked{}
	(&asset.Service{Catalog: db, Store: store, Guard: &access.Guard{Catalog: db}, Log: log, Content: c, Pictures: pictures}).Register(reg)
	server, err := rpc.NewServer(rpc.Config{Registry: reg, Sessions: sessions, Accounts: db, PublicURL: "http://media.test"})
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(server)
	t.Cleanup(web.Close)
	e := catalog.BlankEntry(102)
	e.Name, e.MediaType, e.Status, e.DurationMS = "clip", catalog.MediaVideo, catalog.EntryReady, 65_000
	if e, err = db.AddEntry(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	return &fixture{T: t, db: db, store: store, content: c, asked: pictures, url: web.URL, entry: string(e.ID)}
}

// call calls an action and returns what it answers.
func (f *fixture) call(token, service, action string, params obj) any {
	f.Helper()
	body := obj{"ks": token, "format": 1}
	for k, v := range params {
		body[k] = v
	}
	data, err := json.Marshal(body)
	if err != nil {
		f.Fatal(err)
	}
	resp, err := http.Post(f.url+"/api_v3/service/"+service+"/action/"+action, "application/json", bytes.NewReader(data))
	if err != nil {
		f.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		f.Fatal(err)
	}
	var out any
	if err := json.Unmarshal(b, &out); err != nil {
		f.Fatalf("%s.%s: %v: %s", service, action, err, b)
	}
	return out
}

// must calls an action that must answer with an object.
func (f *fixture) must(token, service, action string, params obj) obj {
	f.Helper()
	out, ok := f.call(token, service, action, params).(obj)
	if !ok || out["code"] != nil {
		f.Fatalf("%s.%s: %v", service, action, out)
	}
	return out
}

// code calls an action that must fail, and returns the code.
func (f *fixture) code(token, service, action string, params obj) string {
	f.Helper()
	out, _ := f.call(token, service, action, params).(obj)
	code, _ := out["code"].(string)
	return code
}

// fetch gets a URL that an action returned from this server.
func (f *fixture) fetch(url string) (int, string) {
	f.Helper()
	resp, err := http.Get(strings.Replace(url, "http://media.test", f.url, 1))
	if err != nil {
		f.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		f.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

const (
	captions    = "caption_captionasset"
	attachments = "attachment_attachmentasset"
)

const srt = "1\n00:00:01,000 --> 00:00:02,000\nhello <i>you</i>\n\n2\n00:00:31,000 --> 00:00:32,500\nagain\n\n"

func text(s string) obj { return obj{"objectType": "KalturaStringResource", "content": s} }

func TestCaptionsAreServedAsGivenAndInOtherForms(t *testing.T) {
	f := newFixture(t)
	c := f.must("102", captions, "add", obj{"entryId": f.entry, "captionAsset": obj{"language": "French", "label": "Français", "format": "1", "isDefault": true}})
	if c["status"] != 0.0 || c["format"] != "1" || c["languageCode"] != "fr" || c["isDefault"] != true || c["displayOnPlayer"] != true {
		t.Errorf("added %v", c)
	}
	id := c["id"]
	if code := f.code("102", captions, "getUrl", obj{"id": id}); code != "CAPTION_ASSET_IS_NOT_READY" {
		t.Errorf("the URL of captions without content: %s", code)
	}
	c = f.must("102", captions, "setContent", obj{"id": id, "contentResource": text(srt)})
	if c["status"] != 2.0 || c["sizeInBytes"] != float64(len(srt)) || c["fileExt"] != "srt" {
		t.Errorf("with content %v", c)
	}
	url, _ := f.call("102", captions, "getUrl", obj{"id": id}).(string)
	for path, want := range map[string]string{
		url:                      srt,
		url + "/captionFormat/3": "WEBVTT\n\n00:00:01.000 --> 00:00:02.000\nhello <i>you</i>\n\n00:00:31.000 --> 00:00:32.500\nagain\n",
		as(url, "serveAsJson"):   `{"objects":[{"startTime":1000,"endTime":2000,"content":[{"text":"hello you"}]},{"startTime":31000,"endTime":32500,"content":[{"text":"again"}]}]}`,
		as(url, "serveWebVTT") + "/segmentIndex/2": "WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:900000,LOCAL:00:00:00.000\n\n00:00:31.000 --> 00:00:32.500\nagain\n",
	} {
		if status, got := f.fetch(path); status != 200 || got != want {
			t.Errorf("%s: %d\n%s\nwant\n%s", path, status, got, want)
		}
	}
	_, playlist := f.fetch(as(url, "serveWebVTT") + "/segmentIndex/0")
	if n := strings.Count(playlist, "#EXTINF:"); n != 3 || !strings.Contains(playlist, "#EXTINF:5.000,") {
		t.Errorf("65 s in segments of 30 s:\n%s", playlist)
	}
	_, ttml := f.fetch(url + "/captionFormat/2")
	if !strings.Contains(ttml, "<tt") || !strings.Contains(ttml, "again") {
		t.Errorf("as TTML: %s", ttml)
	}
}

func as(url, action string) string { return strings.Replace(url, "/serve/", "/"+action+"/", 1) }

func TestCaptionsFailWithAResourceOfNoUse(t *testing.T) {
	f := newFixture(t)
	none := obj{"objectType": "KalturaRemoteStorageResource", "url": "a.srt", "storageProfileId": 1}
	status := func(id any) any {
		return f.must("102", captions, "get", obj{"captionAssetId": id})["status"]
	}
	c := f.must("102", captions, "add", obj{"entryId": f.entry, "captionAsset": obj{"language": "English"}})
	if code := f.code("102", captions, "setContent", obj{"id": c["id"], "contentResource": none}); code != "RESOURCE_TYPE_NOT_SUPPORTED" || status(c["id"]) != -1.0 {
		t.Errorf("%s, status %v", code, status(c["id"]))
	}
	f.must("102", captions, "setContent", obj{"id": c["id"], "contentResource": text(srt)})
	if code := f.code("102", captions, "setContent", obj{"id": c["id"], "contentResource": none}); code != "RESOURCE_TYPE_NOT_SUPPORTED" || status(c["id"]) != 2.0 {
		t.Errorf("captions that are ready: %s, status %v", code, status(c["id"]))
	}
}

func TestOneCaptionIsTheDefault(t *testing.T) {
	f := newFixture(t)
	a := f.must("102", captions, "add", obj{"entryId": f.entry, "captionAsset": obj{"language": "French", "isDefault": true}})
	b := f.must("user", captions, "add", obj{"entryId": f.entry, "captionAsset": obj{"language": "German"}})
	if b["displayOnPlayer"] != false {
		t.Errorf("a moderated session's captions show at once: %v", b)
	}
	f.call("102", captions, "setAsDefault", obj{"captionAssetId": b["id"]})
	for id, want := range map[any]bool{a["id"]: false, b["id"]: true} {
		if c := f.must("102", captions, "get", obj{"captionAssetId": id}); c["isDefault"] != want {
			t.Errorf("isDefault of %v is %v", c["language"], c["isDefault"])
		}
	}
	list := f.must("102", captions, "list", obj{"filter": obj{"entryIdEqual": f.entry, "orderBy": "-createdAt"}, "pager": obj{"pageSize": 1}})
	if list["totalCount"] != 2.0 || len(list["objects"].([]any)) != 1 {
		t.Errorf("a page of one: %v", list)
	}
	list = f.must("102", captions, "list", obj{"filter": obj{"entryIdIn": f.entry, "statusEqual": "2"}})
	if list["totalCount"] != 0.0 {
		t.Errorf("ready ones: %v", list)
	}
	f.call("102", captions, "delete", obj{"captionAssetId": a["id"]})
	if code := f.code("102", captions, "get", obj{"captionAssetId": a["id"]}); code != "CAPTION_ASSET_ID_NOT_FOUND" {
		t.Errorf("after it was deleted: %s", code)
	}
}

func TestFlavorsAreAddedDescribedAndListed(t *testing.T) {
	f := newFixture(t)
	fl := f.must("102", "flavorasset", "add", obj{"entryId": f.entry, "flavorAsset": obj{"language": "Spanish", "label": "Doblaje", "fileExt": "mp3", "isOriginal": true, "tags": "a, b"}})
	if fl["status"] != 0.0 || fl["language"] != "Spanish" || fl["isOriginal"] != false || fl["tags"] != "a,b" || fl["flavorParamsId"] != nil {
		t.Errorf("added %v", fl)
	}
	f.must("102", "flavorasset", "add", obj{"entryId": f.entry, "flavorAsset": obj{"flavorParamsId": 3}})
	if code := f.code("102", "flavorasset", "add", obj{"entryId": f.entry, "flavorAsset": obj{"flavorParamsId": 3}}); code != "FLAVOR_ASSET_ALREADY_EXISTS" {
		t.Errorf("a second flavor by the same parameters: %s", code)
	}
	up := f.must("102", "flavorasset", "update", obj{"id": fl["id"], "flavorAsset": obj{"label": "x", "language": "English"}})
	if up["label"] != "x" || up["language"] != "English" || up["tags"] != "a,b" {
		t.Errorf("updated %v", up)
	}
	list := f.must("102", "flavorasset", "list", obj{"filter": obj{"objectType": "KalturaAssetFilter", "entryIdEqual": f.entry, "tagsLike": "a"}})
	if list["totalCount"] != 2.0 { // the ladder's tags have an a, too
		t.Errorf("by tag: %v", list)
	}
	list = f.must("102", "flavorasset", "list", obj{"filter": obj{"entryIdEqual": f.entry, "flavorParamsIdEqual": 3}})
	if list["totalCount"] != 1.0 {
		t.Errorf("by parameters: %v", list)
	}
	with, _ := f.call("102", "flavorasset", "getFlavorAssetsWithParams", obj{"entryId": f.entry}).([]any)
	if len(with) != 10 { // nine of the profile, and one without parameters
		t.Errorf("%d flavors with parameters", len(with))
	}
	for _, c := range []struct {
		action string
		params obj
		code   string
	}{
		{"list", obj{}, "PROPERTY_VALIDATION_CANNOT_BE_NULL"},
		{"list", obj{"filter": obj{"entryIdEqual": f.entry, "advancedSearch": obj{"objectType": "KalturaSearchOperator", "items": []any{}}}}, "FEATURE_FORBIDDEN"},
		{"list", obj{"filter": obj{"idEqual": fl["id"]}}, "PROPERTY_VALIDATION_CANNOT_BE_NULL"},
		{"getUrl", obj{"id": fl["id"]}, "FLAVOR_ASSET_IS_NOT_READY"},
		{"convert", obj{"entryId": f.entry, "flavorParamsId": 3}, "ORIGINAL_FLAVOR_ASSET_IS_MISSING"},
		{"convert", obj{"entryId": f.entry, "flavorParamsId": 999}, "FLAVOR_PARAMS_ID_NOT_FOUND"},
		{"getWebPlayableByEntryId", obj{"entryId": f.entry}, "NO_FLAVORS_FOUND"},
		{"add", obj{"entryId": "0_zzzzzzzz", "flavorAsset": obj{}}, "ENTRY_ID_NOT_FOUND"},
		{"add", obj{"entryId": f.entry, "flavorAsset": obj{"language": "Klingonish"}}, "INVALID_ENUM_VALUE"},
	} {
		if got := f.code("102", "flavorasset", c.action, c.params); got != c.code {
			t.Errorf("%s %v: %s, want %s", c.action, c.params, got, c.code)
		}
	}
}

func TestFlavorsAreDescribedAsProbesDo(t *testing.T) {
	f := newFixture(t)
	made, err := f.db.AddAssets(t.Context(), catalog.EntryID(f.entry), []catalog.Asset{
		{Type: catalog.AssetFlavor, Name: "source", Original: true, Status: catalog.AssetReady, Kind: "video", Container: "mov,mp4,m4a,3gp,3g2,mj2", Codec: "h264", Key: "a/source.mp4"},
		{Type: catalog.AssetFlavor, Name: "rung", ParamsID: 3, Status: catalog.AssetReady, Kind: "video", Codec: "avc1.64001f"},
		{Type: catalog.AssetFlavor, Name: "mkv", Original: true, Status: catalog.AssetReady, Kind: "video", Container: "matroska,webm", Codec: "hevc", Key: "a/source.mkv"},
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"isom avc1", "isom avc1", "matroska hevc"} {
		fl := f.must("102", "flavorasset", "get", obj{"id": made[i].ID})
		if got := fmt.Sprint(fl["containerFormat"], " ", fl["videoCodecId"]); got != want {
			t.Errorf("%s: %s, want %s", made[i].Name, got, want)
		}
	}
	if up := f.must("102", "flavorasset", "update", obj{"id": made[1].ID, "flavorAsset": obj{"actualSourceAssetParamsIds": "0,2"}}); up["actualSourceAssetParamsIds"] != "0,2" {
		t.Errorf("updated %v", up)
	}
	info := func() float64 {
		list, _ := f.must("102", "mediainfo", "list", obj{"filter": obj{"flavorAssetIdEqual": made[1].ID}})["objects"].([]any)
		if len(list) != 1 {
			t.Fatalf("media information %v", list)
		}
		id, _ := list[0].(obj)["id"].(float64)
		return id
	}
	if id := info(); id <= 0 || id != info() {
		t.Errorf("media information has the id %v, then %v", id, info())
	}
}

func TestAssetsOfPrivateEntriesAreHidden(t *testing.T) {
	f := newFixture(t)
	made := f.must("102", captions, "add", obj{"entryId": f.entry, "captionAsset": obj{"language": "English"}})
	f.must("102", captions, "setContent", obj{"id": made["id"], "contentResource": text(srt)})
	c, err := f.db.AddCategory(t.Context(), 102, catalog.Category{Name: "private", More: []byte(`{"privacyContext":"club","privacy":3}`)})
	if err != nil {
		t.Fatal(err)
	}
	link := catalog.CategoryEntry{Category: c.ID, Entry: catalog.EntryID(f.entry), Status: catalog.CategoryEntryActive}
	if _, err := f.db.AddCategoryEntry(t.Context(), 102, link); err != nil {
		t.Fatal(err)
	}
	list := obj{"filter": obj{"entryIdEqual": f.entry}}
	if got := f.must("stranger", captions, "list", list)["totalCount"]; got != 0.0 {
		t.Errorf("a stranger lists %v", got)
	}
	if got := f.must("102", captions, "list", list)["totalCount"]; got != 1.0 {
		t.Errorf("an administrator lists %v", got)
	}
	if code := f.code("stranger", captions, "getUrl", obj{"id": made["id"]}); code != "CAPTION_ASSET_ID_NOT_FOUND" {
		t.Errorf("a stranger asks for the URL: %s", code)
	}
	serve := f.url + "/api_v3/service/" + captions + "/action/serve/captionAssetId/" + fmt.Sprint(made["id"])
	for ks, want := range map[string]int{"": 404, "/ks/stranger": 404, "/ks/102": 200} {
		resp, err := http.Get(serve + ks)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%q: %d, want %d", ks, resp.StatusCode, want)
		}
	}
}

func TestAttachmentsKeepTheirClassAndNeverRunInBrowsers(t *testing.T) {
	f := newFixture(t)
	a := f.must("102", attachments, "add", obj{"entryId": f.entry, "attachmentAsset": obj{
		"objectType": "KalturaTranscriptAsset", "filename": "t.html", "language": "English", "accuracy": 91.5, "format": "1",
	}})
	if a["objectType"] != "KalturaTranscriptAsset" || a["accuracy"] != 91.5 || a["language"] != "English" || a["fileExt"] != "html" {
		t.Errorf("added %v", a)
	}
	f.must("102", attachments, "setContent", obj{"id": a["id"], "contentResource": text("<script>1</script>")})
	url, _ := f.call("102", attachments, "getUrl", obj{"id": a["id"]}).(string)
	resp, err := http.Get(strings.Replace(url, "http://media.test", f.url, 1))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if ct, cd := resp.Header.Get("Content-Type"), resp.Header.Get("Content-Disposition"); ct != "application/octet-stream" || !strings.HasPrefix(cd, "attachment") {
		t.Errorf("an HTML attachment is served as %q, %q", ct, cd)
	}
	if code := f.code("102", attachments, "add", obj{"entryId": f.entry, "attachmentAsset": obj{"filename": "x.exe"}}); code != "ATTACHMENT_ASSET_FILE_TYPE_RESTRICTED" {
		t.Errorf("a program: %s", code)
	}
}

func TestAssetsOfOthersLookLikeNone(t *testing.T) {
	f := newFixture(t)
	c := f.must("102", captions, "add", obj{"entryId": f.entry, "captionAsset": obj{"language": "French"}})
	f.must("102", captions, "setContent", obj{"id": c["id"], "contentResource": text(srt)})
	for _, action := range []string{"get", "delete", "setAsDefault"} {
		mine, none := f.call("103", captions, action, obj{"captionAssetId": c["id"]}), f.call("103", captions, action, obj{"captionAssetId": "0_zzzzzzzz"})
		a, b := fmt.Sprint(mine), strings.ReplaceAll(fmt.Sprint(none), "0_zzzzzzzz", fmt.Sprint(c["id"]))
		if a != b || f.code("103", captions, action, obj{"captionAssetId": c["id"]}) == "" {
			t.Errorf("%s of another account's captions: %s, of none: %s", action, a, b)
		}
	}
	if code := f.code("stranger", captions, "update", obj{"id": c["id"], "captionAsset": obj{"label": "x"}}); code != "INVALID_KS" {
		t.Errorf("a user who does not own the entry: %s", code)
	}
	url, _ := f.call("102", captions, "getUrl", obj{"id": c["id"]}).(string)
	if status, _ := f.fetch(url + "/ks/103"); status != http.StatusNotFound {
		t.Errorf("served to another account: %d", status)
	}
}

func TestUsersGiveAssetsContentOfTheirOwnUploadsOnly(t *testing.T) {
	f := newFixture(t)
	token, err := f.db.AddUploadToken(t.Context(), catalog.UploadToken{Account: 102, User: "s", FileName: "a.srt"}, 0)
	if err != nil {
		t.Fatal(err)
	}
	id := f.must("user", captions, "add", obj{"entryId": f.entry, "captionAsset": obj{"language": "French"}})["id"]
	resource := obj{"objectType": "KalturaUploadedFileTokenResource", "token": token.ID}
	if code := f.code("user", captions, "setContent", obj{"id": id, "contentResource": resource}); code != "UPLOAD_TOKEN_NOT_FOUND" {
		t.Errorf("another user's upload: %s", code)
	}
	if c := f.must("102", captions, "setContent", obj{"id": id, "contentResource": resource}); c["status"] != 7.0 {
		t.Errorf("by an administrator: %v", c["status"])
	}
}

// translated is a file of two languages.
func translated(english, spanish string) string {
	return `<tt xmlns="http://www.w3.org/ns/ttml"><body><div xml:lang="en"><p begin="1s" end="2s">` + english + `</p></div><div xml:lang="es"><p begin="1s" end="2s">` +
		spanish + `</p></div></body></tt>`
}

func TestCaptionsOfSeveralLanguagesComeApart(t *testing.T) {
	f := newFixture(t)
	add := func() any {
		return f.must("102", captions, "add", obj{"entryId": f.entry, "captionAsset": obj{"language": "Multilingual", "format": "2", "label": "all"}})["id"]
	}
	// children are the texts of the captions that were made of a file, by language.
	children := func(parent any) string {
		var out []string
		for _, o := range f.must("102", captions, "list", obj{"filter": obj{"entryIdEqual": f.entry, "statusEqual": "2"}})["objects"].([]any) {
			c := o.(obj)
			if c["parentId"] != parent {
				continue
			}
			url, _ := f.call("102", captions, "getUrl", obj{"id": c["id"]}).(string)
			_, body := f.fetch(url + "/captionFormat/1")
			lines := strings.Split(strings.TrimSpace(body), "\n")
			out = append(out, fmt.Sprintf("%v %v %v %s", c["language"], c["displayOnPlayer"], c["format"], lines[len(lines)-1]))
		}
		slices.Sort(out)
		return strings.Join(out, ", ")
	}
	id := add()
	if c := f.must("102", captions, "setContent", obj{"id": id, "contentResource": text(translated("hello", "hola"))}); c["status"] != 2.0 {
		t.Errorf("with content %v", c)
	}
	if got := children(id); got != "English true 2 hello, Spanish true 2 hola" {
		t.Errorf("made %s", got)
	}
	if c := f.must("102", captions, "get", obj{"captionAssetId": id}); c["displayOnPlayer"] != false || c["language"] != "Multilingual" {
		t.Errorf("the file itself: %v", c)
	}
	f.must("102", captions, "setContent", obj{"id": id, "contentResource": text(translated("bye", "adiós"))})
	s := &asset.Splitter{Catalog: f.db, Store: f.store, Content: f.content, Log: slog.New(slog.DiscardHandler)}
	for range 2 { // events tell of all this again
		if err := s.Catchup(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if got := children(id); got != "English true 2 bye, Spanish true 2 adiós" {
		t.Errorf("with other content %s", got)
	}
	// Content that comes later is found by its event.
	later := add()
	a, err := f.db.Asset(t.Context(), catalog.AssetID(later.(string)))
	if err != nil {
		t.Fatal(err)
	}
	if err := f.content.SetAsset(t.Context(), 102, a.ID, content.Text{Content: translated("one", "uno")}); err != nil {
		t.Fatal(err)
	}
	if got := children(later); got != "" {
		t.Errorf("before the event %s", got)
	}
	if err := s.Catchup(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := children(later); got != "English true 2 one, Spanish true 2 uno" {
		t.Errorf("after the event %s", got)
	}
	// What has no languages stays one.
	plain := add()
	f.must("102", captions, "setContent", obj{"id": plain, "contentResource": text(srt)})
	if got := children(plain); got != "" || f.must("102", captions, "get", obj{"captionAssetId": plain})["displayOnPlayer"] != true {
		t.Errorf("of a file of no languages %q was made", got)
	}
}

package media_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/api/media"
	"sluice/api/rpc"
	"sluice/api/rpc/access"
	"sluice/api/rpc/kaltura"
	"sluice/api/rpc/ks"
	"sluice/catalog"
)

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

// stage is the playback service over a catalog with one film.
type stage struct {
	t                     *testing.T
	db                    *catalog.DB
	url                   string
	tokens                tokens
	entry                 catalog.Entry
	source, large, dubbed catalog.Asset
}

func newStage(t *testing.T) *stage {
	t.Helper()
	db, err := catalog.Open(t.Context(), "sqlite://"+filepath.Join(t.TempDir(), "catalog.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	s := &stage{t: t, db: db, tokens: tokens{}}
	for _, id := range []catalog.AccountID{102, 103} {
		if _, _, err := db.EnsureAccount(t.Context(), id, "a"); err != nil {
			t.Fatal(err)
		}
	}
	s.tokens["admin"] = &ks.Session{Token: "admin", Account: 102, User: "a", Type: ks.AdminType}
	s.tokens["user"] = &ks.Session{Token: "user", Account: 102, User: "u"}
	s.tokens["viewer"] = &ks.Session{Token: "viewer", Account: 102, User: "u", Privileges: []ks.Privilege{{Name: "sview", Value: "*"}}}
	s.tokens["widget"] = &ks.Session{Token: "widget", Account: 102, User: "0", Privileges: []ks.Privilege{{Name: "view", Value: "*"}, {Name: "widget", Value: "1"}}}
	s.tokens["foreign"] = &ks.Session{Token: "foreign", Account: 103, User: "a", Type: ks.AdminType}
	if s.entry, _, _, err = db.CreateEntry(t.Context(), catalog.NewEntry{Account: 102, Name: "film", MediaType: catalog.MediaVideo, DedupKey: "film"}, nil, nil); err != nil {
		t.Fatal(err)
	}
	flavor := func(name, kind, language string, params int64, original bool) catalog.Asset {
		return s.add(catalog.Asset{Type: catalog.AssetFlavor, Name: name, Kind: kind, Key: "102/" + name + ".mp4", IndexKey: "102/" + name + ".idx", Size: 1000, Codec: "avc1.64001f",
			BitRate: 1_000_000, Width: 1280, Height: 720, ParamsID: params, Language: language, Original: original, Default: name == "a0-en-64k"})
	}
	s.source = flavor("source", "video", "", 0, true)
	s.large = flavor("720p", "video", "", 4, false)
	flavor("a0-en-64k", "audio", "en", 0, false)
	s.dubbed = flavor("a1-es-64k", "audio", "es", 0, false)
	s.add(catalog.Asset{Type: catalog.AssetCaption, Name: "s0", Kind: "text", Language: "en", Title: "English", Default: true, Key: "102/c.vtt"})
	hidden := catalog.Asset{Type: catalog.AssetCaption, Name: "s1", Kind: "text", Language: "fr", Key: "102/d.vtt"}
	hidden.Details.Hidden = true
	s.add(hidden)
	s.update(func(e *catalog.Entry) { e.Status, e.DurationMS, e.PlayableAt = catalog.EntryReady, 20_000, time.Now() })
	reg := rpc.NewRegistry()
	kaltura.AddAccessControl(reg)
	(&media.Playback{Catalog: db, Guard: &access.Guard{Catalog: db}, Sessions: s.tokens}).Register(reg.Service("baseEntry", "Entries."))
	server, err := rpc.NewServer(rpc.Config{Registry: reg, Sessions: s.tokens, Accounts: db})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(server)
	t.Cleanup(srv.Close)
	s.url = srv.URL
	return s
}

func (s *stage) add(a catalog.Asset) catalog.Asset {
	s.t.Helper()
	a.Status = catalog.AssetReady
	got, err := s.db.AddAssets(s.t.Context(), s.entry.ID, []catalog.Asset{a})
	if err != nil {
		s.t.Fatal(err)
	}
	return got[0]
}

func (s *stage) update(fn func(e *catalog.Entry)) {
	s.t.Helper()
	if err := s.db.UpdateEntry(s.t.Context(), s.entry.ID, func(e *catalog.Entry) error { fn(e); return nil }); err != nil {
		s.t.Fatal(err)
	}
}

// rules gives the film a new profile, which no cache knows.
func (s *stage) rules(rules ...catalog.AccessRule) {
	s.t.Helper()
	p, err := s.db.AddAccessControl(s.t.Context(), 102, catalog.AccessControl{Name: "p", Rules: rules})
	if err != nil {
		s.t.Fatal(err)
	}
	s.update(func(e *catalog.Entry) { e.AccessControl = p.ID })
}

// context is the answer, as far as the tests look at it.
type playContext struct {
	Code, ObjectType string
	Args             map[string]string
	Sources          []struct {
		DeliveryProfileID, Format, Protocols, FlavorIDs, URL string
		DRM                                                  []any
	}
	FlavorAssets     []struct{ ID string }
	PlaybackCaptions []map[string]any
	Actions          []map[string]any
	Messages         []struct{ Code, Message string }
	BumperData       []any
}

func (s *stage) call(action, token string, params ...string) []byte {
	s.t.Helper()
	v := url.Values{"format": {"1"}, "entryId": {string(s.entry.ID)}, "contextDataParams[objectType]": {"KalturaPlaybackContextOptions"}}
	if token != "" {
		v.Set("ks", token)
	}
	for i := 0; i+1 < len(params); i += 2 {
		v.Set(params[i], params[i+1])
	}
	resp, err := http.PostForm(s.url+"/api_v3/service/baseentry/action/"+action, v)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	var raw json.RawMessage
	if err := json.NewDecoder(resp.Body).Decode(&raw); err != nil {
		s.t.Fatal(err)
	}
	return raw
}

func (s *stage) playback(token string, params ...string) (c playContext) {
	s.t.Helper()
	raw := s.call("getPlaybackContext", token, params...)
	if err := json.Unmarshal(raw, &c); err != nil && !strings.Contains(string(raw), `"args":[]`) {
		s.t.Fatalf("%v: %s", err, raw)
	}
	return c
}

func (c *playContext) formats() string {
	var f []string
	for _, s := range c.Sources {
		f = append(f, s.Format)
	}
	return strings.Join(f, " ")
}

// TestVendorsAskForAContext posts what vendors post.
func TestVendorsAskForAContext(t *testing.T) {
	s := newStage(t)
	c := s.playback("user", "contextDataParams[streamerType]", "applehttp", "contextDataParams[ks]", "viewer")
	if c.ObjectType != "KalturaPlaybackContext" || c.formats() != "applehttp" {
		t.Fatalf("%+v", c)
	}
	src := c.Sources[0]
	want := fmt.Sprintf("%s/p/102/sp/10200/playManifest/entryId/%s/flavorIds/%s,%s/deliveryProfileId/1/protocol/https/format/applehttp/a.m3u8", s.url, s.entry.ID, s.large.ID, s.dubbed.ID)
	if src.URL != want || src.Protocols != "http,https" || src.FlavorIDs != string(s.large.ID)+","+string(s.dubbed.ID) || src.DRM == nil || len(src.DRM) != 0 {
		t.Errorf("source %+v\nwant %s", src, want)
	}
	if len(c.FlavorAssets) != 2 || c.FlavorAssets[0].ID != string(s.large.ID) {
		t.Errorf("flavors %+v", c.FlavorAssets)
	}
	if len(c.PlaybackCaptions) != 1 || c.PlaybackCaptions[0]["languageCode"] != "en" || c.PlaybackCaptions[0]["isDefault"] != true || c.PlaybackCaptions[0]["language"] != "English" ||
		!regexp.MustCompile(`/service/caption_captionasset/action/serveWebVTT/captionAssetId/0_\w{8}/segmentIndex/-1/version/\d+/captions\.vtt$`).MatchString(fmt.Sprint(c.PlaybackCaptions[0]["webVttUrl"])) {
		t.Errorf("captions %+v", c.PlaybackCaptions)
	}
	for name, list := range map[string]any{"actions": c.Actions, "messages": c.Messages, "bumperData": c.BumperData} {
		if b, _ := json.Marshal(list); string(b) != "[]" {
			t.Errorf("%s: %s, want []", name, b)
		}
	}
}

func TestSourcesFollowTheFilters(t *testing.T) {
	s := newStage(t)
	for name, tt := range map[string]struct {
		params  []string
		formats string
	}{
		"all":               {nil, "applehttp mpegdash http"},
		"auto":              {[]string{"contextDataParams[streamerType]", "auto"}, "applehttp mpegdash http"},
		"several":           {[]string{"contextDataParams[streamerType]", "mpegdash,http"}, "mpegdash http"},
		"unknown":           {[]string{"contextDataParams[streamerType]", "rtmp"}, ""},
		"protocol":          {[]string{"contextDataParams[mediaProtocol]", "https"}, "applehttp mpegdash http"},
		"protocol unserved": {[]string{"contextDataParams[mediaProtocol]", "rtmpe"}, ""},
		"one flavor":        {[]string{"contextDataParams[flavorAssetId]", string(s.source.ID)}, "applehttp mpegdash http"},
		"tags":              {[]string{"contextDataParams[flavorTags]", "source"}, "http"},
	} {
		if c := s.playback("user", tt.params...); c.formats() != tt.formats {
			t.Errorf("%s: %q, want %q", name, c.formats(), tt.formats)
		}
	}
	if c := s.playback("user", "contextDataParams[mediaProtocol]", "http"); !strings.Contains(c.Sources[0].URL, "/protocol/http/") {
		t.Errorf("by http: %s", c.Sources[0].URL)
	}
	if c := s.playback("user", "contextDataParams[flavorAssetId]", string(s.source.ID), "contextDataParams[streamerType]", "http"); c.Sources[0].FlavorIDs != string(s.source.ID) {
		t.Errorf("the source: %+v", c.Sources)
	}
}

func TestContextsOfWhatIsNotThere(t *testing.T) {
	s := newStage(t)
	for name, tt := range map[string]struct {
		token  string
		params []string
		code   string
	}{
		"unknown entry":     {"user", []string{"entryId", "0_zzzzzzzz"}, "ENTRY_ID_NOT_FOUND"},
		"foreign entry":     {"foreign", nil, "ENTRY_ID_NOT_FOUND"},
		"unknown flavor":    {"user", []string{"contextDataParams[flavorAssetId]", "0_zzzzzzzz"}, "FLAVOR_ASSET_ID_NOT_FOUND"},
		"no session":        {"", nil, "MISSING_KS"},
		"bad inner session": {"user", []string{"contextDataParams[ks]", "nonsense"}, "INVALID_KS"},
		"foreign session":   {"user", []string{"contextDataParams[ks]", "foreign"}, "INVALID_KS"},
		"widget session":    {"widget", nil, ""},
	} {
		if c := s.playback(tt.token, tt.params...); c.Code != tt.code {
			t.Errorf("%s: %q, want %q", name, c.Code, tt.code)
		}
	}
	s.update(func(e *catalog.Entry) { e.Status = catalog.EntryNoContent })
	if c := s.playback("user"); c.Code != "" || len(c.Sources) != 0 || len(c.FlavorAssets) != 0 {
		t.Errorf("an entry without content: %+v", c)
	}
	s.update(func(e *catalog.Entry) { e.Status = catalog.EntryPreconvert })
	if c := s.playback("user"); c.formats() != "applehttp mpegdash http" {
		t.Errorf("an entry in the making: %q", c.formats())
	}
}

// TestBlockedIsNoException: a rule that blocks gives a context without sources, and says why.
func TestBlockedIsNoException(t *testing.T) {
	s := newStage(t)
	s.rules(catalog.AccessRule{Code: "OFFICE_ONLY", Message: "Only in the office.", Conditions: []catalog.AccessCondition{{Type: access.IPAddress, Values: []string{"127.0.0.1"}}},
		Actions: []catalog.AccessAction{{Type: access.Block}}})
	c := s.playback("user")
	if c.Code != "" || len(c.Sources) != 0 || len(c.FlavorAssets) != 0 {
		t.Fatalf("%+v", c)
	}
	if diff := cmp.Diff([]map[string]any{{"type": 1.0, "objectType": "KalturaAccessControlBlockAction"}}, c.Actions); diff != "" {
		t.Errorf("actions (-want +got):\n%s", diff)
	}
	if len(c.Messages) != 2 || c.Messages[0].Code != "OFFICE_ONLY" || c.Messages[0].Message != "Only in the office." || c.Messages[1].Code != "IP_RESTRICTED" {
		t.Errorf("messages %+v", c.Messages)
	}
	if c := s.playback("admin"); len(c.Sources) != 3 || len(c.Actions) != 0 {
		t.Errorf("an administrator: %+v", c)
	}
	if c := s.playback("user", "contextDataParams[ip]", "192.0.2.1"); len(c.Sources) != 0 {
		t.Error("a user says where it is")
	}
	if c := s.playback("admin", "contextDataParams[ks]", "user", "contextDataParams[ip]", "127.0.0.1"); len(c.Sources) != 0 {
		t.Error("an administrator cannot ask for a user")
	}
	if c := s.playback("user", "contextDataParams[contexts][0][type]", "2"); len(c.Sources) != 0 {
		t.Error("rules for every context don't apply to downloads")
	}
}

func TestActionsLimitSources(t *testing.T) {
	s := newStage(t)
	s.rules(catalog.AccessRule{Actions: []catalog.AccessAction{{Type: access.LimitDeliveryProfiles, IDs: "2,3"}, {Type: access.LimitFlavors, IDs: "4", Blocked: true}}})
	c := s.playback("user")
	if len(c.Actions) != 2 || c.Actions[1]["flavorParamsIds"] != "4" || c.Actions[1]["isBlockedList"] != true || c.Actions[0]["deliveryProfileIds"] != "2,3" {
		t.Errorf("actions %+v", c.Actions)
	}
	for _, src := range c.Sources {
		if src.Format == "applehttp" || strings.Contains(src.FlavorIDs, string(s.large.ID)) {
			t.Errorf("source %+v", src)
		}
	}
	s.rules(catalog.AccessRule{Actions: []catalog.AccessAction{{Type: access.Preview, Seconds: 30}}})
	if c := s.playback("user"); len(c.Sources) != 3 || c.Actions[0]["limit"] != 30.0 || c.Actions[0]["type"] != 2.0 {
		t.Errorf("preview: %+v", c)
	}
}

func TestScheduleRemovesSourcesFromWidgets(t *testing.T) {
	s := newStage(t)
	s.update(func(e *catalog.Entry) { e.StartAt = time.Now().Add(time.Hour) })
	for token, want := range map[string]struct {
		sources int
		message string
	}{"widget": {0, "SCHEDULED_RESTRICTED"}, "user": {3, "SCHEDULED_RESTRICTED"}, "viewer": {3, ""}, "admin": {3, ""}} {
		c := s.playback(token)
		message := ""
		if len(c.Messages) > 0 {
			message = c.Messages[0].Code
		}
		if len(c.Sources) != want.sources || message != want.message {
			t.Errorf("%s: %d sources, %q", token, len(c.Sources), message)
		}
	}
}

func TestContextDataForOlderPlayers(t *testing.T) {
	s := newStage(t)
	params := []string{"contextDataParams[objectType]", "KalturaEntryContextDataParams"}
	var got map[string]any
	if err := json.Unmarshal(s.call("getContextData", "user", params...), &got); err != nil {
		t.Fatal(err)
	}
	for k, want := range map[string]any{
		"objectType": "KalturaEntryContextDataResult", "isScheduledNow": true, "isAdmin": false, "msDuration": 20_000.0, "previewLength": -1.0,
		"isIpAddressRestricted": false, "streamerType": "http", "mediaProtocol": "http",
	} {
		if got[k] != want {
			t.Errorf("%s: %v, want %v", k, got[k], want)
		}
	}
	if flavors, ok := got["flavorAssets"].([]any); !ok || len(flavors) == 0 {
		t.Errorf("flavors %v", got["flavorAssets"])
	}
	s.rules(catalog.AccessRule{Message: "No.", Conditions: []catalog.AccessCondition{{Type: access.IPAddress, Values: []string{"127.0.0.1"}}}, Actions: []catalog.AccessAction{{Type: access.Block}}})
	got = nil
	if err := json.Unmarshal(s.call("getContextData", "user", params...), &got); err != nil {
		t.Fatal(err)
	}
	if got["isIpAddressRestricted"] != true || got["isCountryRestricted"] != false || len(got["flavorAssets"].([]any)) != 0 {
		t.Errorf("blocked: %v", got)
	}
	if m, ok := got["messages"].([]any); !ok || len(m) != 2 || m[0].(map[string]any)["value"] != "No." {
		t.Errorf("messages %v", got["messages"])
	}
}

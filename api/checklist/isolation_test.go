package checklist

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The other account, which tries the ids of the first.
const stranger = 103

// description is what the test reads of the server's schema.
type description struct {
	Classes []class `xml:"classes>class"`
	Enums   []struct {
		Name   string `xml:"name,attr"`
		Consts []struct {
			Value string `xml:"value,attr"`
		} `xml:"const"`
	} `xml:"enums>enum"`
	Services []struct {
		ID      string   `xml:"id,attr"`
		Actions []action `xml:"action"`
	} `xml:"services>service"`
}

type class struct {
	Name     string     `xml:"name,attr"`
	Base     string     `xml:"base,attr"`
	Abstract bool       `xml:"abstract,attr"`
	Property []property `xml:"property"`
}

type property struct {
	Name      string `xml:"name,attr"`
	Type      string `xml:"type,attr"`
	ArrayType string `xml:"arrayType,attr"`
	Enum      string `xml:"enumType,attr"`
	ReadOnly  string `xml:"readOnly,attr"`
}

type action struct {
	Name   string  `xml:"name,attr"`
	Access string  `xml:"access,attr"`
	Params []param `xml:"param"`
}

type param struct {
	Name     string `xml:"name,attr"`
	Type     string `xml:"type,attr"`
	Enum     string `xml:"enumType,attr"`
	Optional bool   `xml:"optional,attr"`
	Ref      string `xml:"ref,attr"` // "-" for what names nothing of an account
}

func (p param) named() bool { return p.Ref != "" && p.Ref != "-" }

// names are parameters that look like ids and name nothing of an account, by reason.
var names = map[string]string{
	"partnerId": "the account itself", "impersonatedPartnerId": "an account, by its secret",
	"storageId": "where a URL shall lead; sluice has one storage", "refId": "a text of the caller's",
	"captionParamId": "picks among the captions of an entry", "thumbParamId": "picks among the thumbnails of an entry",
	"destThumbParamsId": "the parameters of a thumbnail, stored as a number",
}

// exempt are actions that answer for another account's object on purpose.
var exempt = map[string]string{
	"session.startWidgetSession": "widgets are public: their id is all that anyone needs",
	"partner.getPublicInfo":      "tells what is public of an account",
	"widget.get":                 "widgets are public",
}

// early are parameters whose call is refused for another reason here, before they are looked at.
var early = map[string]string{
	"media.convert.conversionProfileId": "the entry has no content",
}

// unknown are ids that no account has, by how an id of the kind looks.
func unknown(id string) string {
	switch {
	case regexp.MustCompile(`^\d+$`).MatchString(id):
		return "1999999999"
	case strings.HasPrefix(id, "_"):
		return "_1999999999"
	case regexp.MustCompile(`^\d_[0-9a-f]{32}$`).MatchString(id):
		return "0_" + strings.Repeat("0123456789abcdef", 2)
	case regexp.MustCompile(`^\d_[0-9a-z]{8}$`).MatchString(id):
		return "0_zzzzzzzz"
	}
	return "nobody-" + id
}

// maker makes an object of a kind as the account of the session, and returns its id. made holds what was made before.
type maker struct {
	kind string
	make func(c *caller, made map[string]string) string
}

// made makes an object by a call that returns it.
func made(service, action string, params map[string]any) func(*caller, map[string]string) string {
	return func(c *caller, made map[string]string) string {
		return c.id(service, action, filled(params, made))
	}
}

// filled is a copy of params with ids in the place of "$kind".
func filled(params map[string]any, made map[string]string) map[string]any {
	out := map[string]any{}
	for k, v := range params {
		switch v := v.(type) {
		case map[string]any:
			out[k] = filled(v, made)
		case string:
			out[k] = v
			if kind, ok := strings.CutPrefix(v, "$"); ok {
				out[k] = made[kind]
			}
		default:
			out[k] = v
		}
	}
	return out
}

var makers = []maker{
	{"entry", made("media", "add", map[string]any{"entry": map[string]any{"name": "mine", "mediaType": 1}})},
	{"uploadToken", made("uploadToken", "add", nil)},
	{"appToken", made("appToken", "add", map[string]any{"appToken": map[string]any{"sessionType": 0}})},
	{"user", func(c *caller, _ map[string]string) string {
		return c.id("user", "add", map[string]any{"user": map[string]any{"id": fmt.Sprint("user-of-", c.account)}})
	}},
	{"widget", func(c *caller, _ map[string]string) string {
		return c.id("widget", "add", map[string]any{"widget": map[string]any{"sourceWidgetId": fmt.Sprint("_", c.account)}})
	}},
	{"userRole", nil}, // roles are the system's
	{"partner", func(c *caller, _ map[string]string) string { return fmt.Sprint(c.account) }},
	{"accessControlProfile", made("accessControlProfile", "add", map[string]any{"accessControlProfile": map[string]any{"name": "mine"}})},
	{"conversionProfile", made("conversionProfile", "add", map[string]any{"conversionProfile": map[string]any{"name": "mine", "flavorParamsIds": "0"}})},
	{"flavorParams", made("flavorParams", "add", map[string]any{"flavorParams": map[string]any{"name": "mine", "videoCodec": "h264", "videoBitrate": 400, "width": 320}})},
	{"flavorAsset", made("flavorAsset", "add", map[string]any{"entryId": "$entry", "flavorAsset": map[string]any{"language": "Spanish", "tags": "alt_audio"}})},
	{"captionAsset", made("caption_captionAsset", "add", map[string]any{"entryId": "$entry", "captionAsset": map[string]any{"language": "English"}})},
	{"attachmentAsset", made("attachment_attachmentAsset", "add", map[string]any{"entryId": "$entry", "attachmentAsset": map[string]any{"title": "x"}})},
	{"thumbAsset", made("thumbAsset", "add", map[string]any{"entryId": "$entry", "thumbAsset": map[string]any{}})},
	{"cuePoint", made("cuePoint_cuePoint", "add", map[string]any{"cuePoint": map[string]any{"objectType": "KalturaThumbCuePoint", "entryId": "$entry", "subType": 2, "startTime": 1}})},
	{"responseProfile", made("responseProfile", "add", map[string]any{"addResponseProfile": map[string]any{"name": "mine", "type": 1, "fields": "id"}})},
	{"category", made("category", "add", map[string]any{"category": map[string]any{"name": "mine"}})},
	{"metadataProfile", made("metadata_metadataProfile", "add", map[string]any{"metadataProfile": map[string]any{"name": "mine", "metadataObjectType": "1"}, "xsdData": emptyXSD})},
	{"metadata", made("metadata_metadata", "add", map[string]any{"metadataProfileId": "$metadataProfile", "objectType": "1", "objectId": "$entry", "xmlData": "<metadata/>"})},
	{"dropFolder", func(c *caller, _ map[string]string) string {
		return c.id("dropFolder_dropFolder", "add", map[string]any{"dropFolder": map[string]any{
			"name": "mine", "path": fmt.Sprint("mine-", c.account), "fileHandlerType": "1", "status": 0,
			"fileHandlerConfig": map[string]any{"objectType": "KalturaDropFolderContentFileHandlerConfig", "contentMatchPolicy": 1}}})
	}},
	{"dropFolderFile", made("dropFolder_dropFolderFile", "add", map[string]any{
		"dropFolderFile": map[string]any{"dropFolderId": "$dropFolder", "fileName": "mine.mp4", "fileSize": 5}})},
	{"bulkUpload", made("media", "bulkUploadAdd", map[string]any{"fileData": "(file)"})},
	{"eventNotificationTemplate", made("eventNotification_eventNotificationTemplate", "add", map[string]any{
		"eventNotificationTemplate": map[string]any{"objectType": "KalturaHttpNotificationTemplate", "name": "mine", "url": "https://127.0.0.1:1/",
			"eventType": "3", "eventObjectType": "1", "manualDispatchEnabled": true}})},
	{"eventNotificationDelivery", func(c *caller, made map[string]string) string {
		a := c.call("eventNotification_eventNotificationTemplate", "dispatch", map[string]any{
			"id": made["eventNotificationTemplate"], "scope": map[string]any{"objectId": made["entry"]}})
		id, ok := a.value.(float64)
		if !ok {
			c.t.Errorf("dispatch: %s", a.body)
		}
		return fmt.Sprintf("%.0f", id)
	}},
}

const emptyXSD = `<xsd:schema xmlns:xsd="http://www.w3.org/2001/XMLSchema"><xsd:element name="metadata"><xsd:complexType><xsd:sequence/></xsd:complexType></xsd:element></xsd:schema>`

// caller calls the API as one account.
type caller struct {
	t       *testing.T
	base    string
	ks      string
	account int
}

// answer is what a call came to: a value, or an exception.
type answer struct {
	body   string
	status int
	reason string // X-Kaltura
	value  any
}

func (a answer) exception() (code string, ok bool) {
	m, _ := a.value.(map[string]any)
	if m["objectType"] != "KalturaAPIException" {
		if rest, ok := strings.CutPrefix(a.reason, "error- "); ok {
			return rest, true // of an action that answers with a file
		}
		return "", false
	}
	code, _ = m["code"].(string)
	return code, true
}

// nothing says whether a call found nothing: no exception, but an empty result.
func (a answer) nothing() bool {
	switch v := a.value.(type) {
	case []any:
		return len(v) == 0
	case float64:
		return v == 0
	case map[string]any:
		return v["totalCount"] == 0.0
	}
	return false
}

func (c *caller) call(service, action string, params map[string]any) answer {
	c.t.Helper()
	all := map[string]any{"format": 1, "ks": c.ks}
	var upload string
	for k, v := range params {
		if v == "(file)" {
			upload = k
			continue
		}
		all[k] = v
	}
	body, err := json.Marshal(all)
	if err != nil {
		c.t.Fatal(err)
	}
	kind, sent := "application/json", bytes.NewBuffer(body)
	if upload != "" {
		sent = &bytes.Buffer{}
		w := multipart.NewWriter(sent)
		kind = w.FormDataContentType()
		w.WriteField("json", string(body))
		part, err := w.CreateFormFile(upload, "x")
		if err != nil {
			c.t.Fatal(err)
		}
		io.WriteString(part, "x")
		w.Close()
	}
	res, err := http.Post(c.base+"/api_v3/service/"+service+"/action/"+action, kind, sent)
	if err != nil {
		c.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	a := answer{body: string(b), status: res.StatusCode, reason: res.Header.Get("X-Kaltura")}
	if json.Unmarshal(b, &a.value) != nil && res.StatusCode == http.StatusOK {
		a.value = a.body
	}
	return a
}

// id makes a call that returns an object, and returns its id.
func (c *caller) id(service, action string, params map[string]any) string {
	c.t.Helper()
	a := c.call(service, action, params)
	m, _ := a.value.(map[string]any)
	if _, failed := a.exception(); failed || m["id"] == nil {
		c.t.Errorf("account %d: %s.%s: %s", c.account, service, action, a.body)
		return ""
	}
	if f, ok := m["id"].(float64); ok {
		return fmt.Sprintf("%.0f", f)
	}
	return fmt.Sprint(m["id"])
}

func (c *caller) start(user string) {
	c.t.Helper()
	a := c.call("session", "start", map[string]any{"secret": adminSecret, "userId": user, "type": 2, "partnerId": c.account, "expiry": 3600})
	ks, ok := a.value.(string)
	if !ok {
		c.t.Fatalf("session of account %d: %s", c.account, a.body)
	}
	c.ks = ks
}

// TestNoActionCrossesAccounts tries every parameter that names an object with the id of another account's: the answer is
// that for an id that nobody has.
func TestNoActionCrossesAccounts(t *testing.T) {
	if testing.Short() {
		t.Skip("-short leaves out what runs the real server; make test does not")
	}
	s := start(t, account, stranger)
	d := describe(t, s.base)
	kinds := map[string]bool{}
	for _, svc := range d.Services {
		for _, a := range svc.Actions {
			for _, p := range a.Params {
				if p.named() {
					kinds[p.Ref] = true
				}
				if p.Ref == "" && idLike(p.Name) && names[p.Name] == "" {
					t.Errorf("%s.%s: parameter %s has no ref tag", svc.ID, a.Name, p.Name)
				}
			}
		}
	}
	owner, other := &caller{t: t, base: s.base, account: account}, &caller{t: t, base: s.base, account: stranger}
	owner.start("owner")
	other.start("stranger")
	theirs, own := map[string]string{}, map[string]string{}
	for _, m := range makers {
		if kinds[m.kind] && m.make != nil {
			theirs[m.kind], own[m.kind] = m.make(owner, theirs), m.make(other, own)
		}
		delete(kinds, m.kind)
	}
	for kind := range kinds {
		t.Errorf("nothing makes objects of the kind %s: add a maker", kind)
	}
	tried := 0
	for _, svc := range d.Services {
		for _, a := range svc.Actions {
			if exempt[svc.ID+"."+a.Name] != "" {
				continue
			}
			for _, p := range a.Params {
				if id := theirs[p.Ref]; id != "" {
					tried++
					t.Run(svc.ID+"."+a.Name+"."+p.Name, func(t *testing.T) {
						c := *other
						c.t = t
						d.cross(&c, svc.ID, a, p, id, own)
					})
				}
			}
		}
	}
	tried += d.lists(t, other, theirs, own)
	tried += d.crossInsides(t, other, theirs, own)
	if tried < 20 {
		t.Errorf("only %d parameters were tried", tried)
	}
}

// lists tries the filters of list actions, and says how many there were.
func (d *description) lists(t *testing.T, other *caller, theirs, own map[string]string) (tried int) {
	for _, svc := range d.Services {
		kind := ""
		for _, a := range svc.Actions {
			if a.Name == "get" && len(a.Params) > 0 {
				kind = a.Params[0].Ref
			}
		}
		for _, a := range svc.Actions {
			i := slices.IndexFunc(a.Params, func(p param) bool { return p.Name == "filter" })
			if a.Name != "list" || i < 0 {
				continue
			}
			for _, prop := range d.properties(a.Params[i].Type) {
				id := theirs["entry"]
				switch prop {
				case "idEqual", "idIn":
					id = theirs[kind]
				case "entryIdEqual", "entryIdIn":
				default:
					continue
				}
				if id == "" {
					continue
				}
				tried++
				t.Run(svc.ID+".list."+prop, func(t *testing.T) {
					c := *other
					c.t = t
					list := func(id string) answer {
						filter := map[string]any{prop: id}
						if strings.HasSuffix(kind, "Asset") && !strings.HasPrefix(prop, "entryId") {
							filter["entryIdEqual"] = own["entry"]
						}
						return c.call(svc.ID, a.Name, map[string]any{"filter": filter})
					}
					got, want := list(id), list(unknown(id))
					if _, failed := got.exception(); strings.ReplaceAll(want.body, unknown(id), id) != got.body || !failed && !got.nothing() {
						t.Errorf("another account's id %s\n%s\nan id of nobody %s\n%s", id, got.body, unknown(id), want.body)
					}
				})
			}
		}
	}
	return tried
}

// properties are the names of a class's properties, inherited ones too.
func (d *description) properties(name string) (out []string) {
	bases := d.bases(name)
	for _, c := range d.Classes {
		if slices.Contains(bases, c.Name) {
			for _, p := range c.Property {
				out = append(out, p.Name)
			}
		}
	}
	return out
}

// cross makes a call with another account's id, and with one that nobody has.
func (d *description) cross(c *caller, service string, a action, p param, id string, own map[string]string) {
	params := map[string]any{}
	for _, q := range a.Params {
		switch {
		case own[q.Ref] != "":
			params[q.Name] = own[q.Ref]
		case !q.Optional:
			params[q.Name] = d.sample(q, own)
		}
	}
	nobody := unknown(id)
	params[p.Name] = nobody
	want := c.call(service, a.Name, params)
	params[p.Name] = id
	got := c.call(service, a.Name, params)
	wantCode, wantFailed := want.exception()
	gotCode, gotFailed := got.exception()
	if wantFailed != gotFailed || wantCode != gotCode || strings.ReplaceAll(want.body, nobody, id) != got.body {
		c.t.Errorf("another account's id %s\n%s\nan id of nobody %s\n%s", id, got.body, nobody, want.body)
		return
	}
	if !gotFailed && !got.nothing() {
		c.t.Errorf("another account's id succeeds: %s", got.body)
	}
	if gotFailed && early[service+"."+a.Name+"."+p.Name] == "" && !strings.Contains(got.body, id) && !regexp.MustCompile(`NOT_FOUND|INVALID_\w*ID|WIDGET|PARTNER|DOESNT_EXIST`).MatchString(gotCode) {
		c.t.Errorf("the call fails before its id is looked at: %s", got.body+got.reason)
	}
}

// sample is a value for a required parameter.
func (d *description) sample(p param, own map[string]string) any {
	switch {
	case p.Enum != "":
		for _, e := range d.Enums {
			if e.Name == p.Enum && len(e.Consts) > 0 {
				return e.Consts[0].Value
			}
		}
	case p.Type == "file":
		return "(file)"
	case slices.Contains(d.bases("KalturaUploadedFileTokenResource"), p.Type):
		return map[string]any{"objectType": "KalturaUploadedFileTokenResource", "token": own["uploadToken"]}
	case strings.HasPrefix(p.Type, "Kaltura"):
		return map[string]any{"objectType": d.concrete(p.Type)}
	case p.Type == "string":
		return "x"
	}
	return 1
}

// concrete is a class or, of an abstract one, a class that derives from it.
func (d *description) concrete(name string) string {
	for _, c := range d.Classes {
		if c.Name == name && !c.Abstract {
			return name
		}
	}
	for _, c := range d.Classes {
		if !c.Abstract && slices.Contains(d.bases(c.Name), name) {
			return c.Name
		}
	}
	return name
}

func (d *description) bases(name string) (out []string) {
	for i := 0; name != "" && i < 20; i++ {
		out = append(out, name)
		at := slices.IndexFunc(d.Classes, func(c class) bool { return c.Name == name })
		if at < 0 {
			break
		}
		name = d.Classes[at].Base
	}
	return out
}

func idLike(name string) bool {
	return name == "id" || name == "ids" || strings.HasSuffix(name, "Id") || strings.HasSuffix(name, "Ids")
}

func describe(t *testing.T, base string) *description {
	t.Helper()
	res, err := http.Get(base + "/api/schema.xml")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var d description
	if err := xml.NewDecoder(res.Body).Decode(&d); err != nil {
		t.Fatal(err)
	}
	if len(d.Services) == 0 {
		t.Fatal("the schema has no services")
	}
	return &d
}

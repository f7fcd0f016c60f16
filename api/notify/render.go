package notify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"sluice/api/rpc"
	"sluice/api/rpc/kaltura"
	"sluice/catalog"
)

// Formats of objects.
const formatXML = 2

// Types of content.
const (
	typeForm = "application/x-www-form-urlencoded"
	typeJSON = "application/json"
	typeText = "text/plain; charset=utf-8"
)

// renderer makes what notifications say. It has a registry of its own, which knows all classes that objects may have.
type renderer struct {
	db   *catalog.DB
	base string
	reg  *rpc.Registry
}

func newRenderer(db *catalog.DB, base string) *renderer {
	reg := rpc.NewRegistry()
	kaltura.RegisterResources(reg)
	kaltura.RegisterEntries(reg)
	reg.Classes(&kaltura.FlavorAsset{}, &kaltura.Asset{})
	return &renderer{db: db, base: base, reg: reg}
}

// object is what an event happened to, as it is now. It is nil when it is gone for good.
func (r *renderer) object(ctx context.Context, e catalog.Event) (rpc.Class, error) {
	entry, err := r.db.Entry(ctx, e.Account, e.Entry)
	if errors.Is(err, catalog.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if e.Object != string(e.Entry) {
		return r.asset(ctx, entry, e.Object)
	}
	params, err := r.db.ReadyParams(ctx, []catalog.EntryID{e.Entry})
	if err != nil {
		return nil, err
	}
	return kaltura.EntryOf(entry, kaltura.EntryView{Base: r.base, Admin: true, Params: params[e.Entry]}), nil
}

func (r *renderer) asset(ctx context.Context, entry catalog.Entry, id string) (rpc.Class, error) {
	assets, err := r.db.Assets(ctx, entry.ID)
	if err != nil {
		return nil, err
	}
	for _, a := range assets {
		if string(a.ID) == id {
			return kaltura.AssetOf(entry, a, assets), nil
		}
	}
	return nil, nil
}

// notification is one thing to be told by one template.
type notification struct {
	template *catalog.NotificationTemplate
	event    catalog.Event
	object   rpc.Class
	shown    *rpc.DetachedResponseProfile // what is told of the object; nil for all
}

// fill gives a delivery, whose id is known, its URL and body.
func (r *renderer) fill(n notification, d *catalog.Delivery) error {
	values := n.values()
	d.URL = substitute(n.template.Spec.URL, values, url.QueryEscape)
	form := strings.HasPrefix(strings.ToLower(header(n.template, "Content-Type")), typeForm)
	var err error
	switch data := n.template.Spec.Data; data.Kind {
	case "text":
		d.ContentType, d.Body = typeText, substitute(data.Text, values, nil)
	case "fields":
		q := url.Values{}
		for _, v := range n.template.Spec.Values {
			q.Set(v.Key, values[v.Key])
		}
		d.ContentType, d.Body = typeForm, q.Encode()
	default:
		d.ContentType, d.Body, err = r.describe(n, d.ID, form)
	}
	return err
}

// profile is the template's response profile. One that is gone shows everything, as in answers.
func (r *renderer) profile(ctx context.Context, t *catalog.NotificationTemplate) (*rpc.DetachedResponseProfile, error) {
	id := t.Spec.Data.ResponseProfile
	if id == 0 {
		return nil, nil
	}
	row, err := r.db.ResponseProfile(ctx, t.Account, id)
	if errors.Is(err, catalog.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	p := &rpc.DetachedResponseProfile{}
	return p, r.reg.Unmarshal(row.Body, p)
}

// describe is the body that tells of an object: JSON, or a form with JSON or XML in its field data.
func (r *renderer) describe(n notification, id int64, form bool) (kind, body string, err error) {
	data := n.template.Spec.Data
	if data.Format == formatXML {
		text, err := r.xml(n, id)
		return typeForm, url.Values{"data": {text}}.Encode(), err
	}
	object := json.RawMessage("null")
	if n.object != nil {
		if object, err = r.reg.MarshalOnly(n.object, n.shown); err != nil {
			return "", "", err
		}
	}
	b, err := json.Marshal(struct {
		Object     json.RawMessage `json:"object"`
		ObjectType any             `json:"eventObjectType"`
		Job        int64           `json:"eventNotificationJobId"`
		Template   int64           `json:"templateId"`
		Name       string          `json:"templateName"`
		SystemName string          `json:"templateSystemName"`
		Type       any             `json:"eventType"`
		Class      string          `json:"objectType"`
	}{
		object, number(n.objectType()), id, n.template.ID, n.template.Name, n.template.SystemName, number(n.template.EventType),
		"KalturaHttpNotification",
	})
	if form {
		return typeForm, url.Values{"data": {string(b)}}.Encode(), err
	}
	return typeJSON, string(b), err
}

func (r *renderer) xml(n notification, id int64) (string, error) {
	var object []byte
	if n.object != nil {
		var err error
		if object, err = r.reg.XMLOnly(n.object, n.template.Spec.Data.IgnoreNull, n.shown); err != nil {
			return "", err
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "<notification><objectType>KalturaHttpNotification</objectType><object>%s</object>", object)
	for _, f := range [][2]string{
		{"eventObjectType", n.objectType()}, {"eventNotificationJobId", strconv.FormatInt(id, 10)},
		{"templateId", strconv.FormatInt(n.template.ID, 10)}, {"templateName", n.template.Name},
		{"templateSystemName", n.template.SystemName}, {"eventType", n.template.EventType},
	} {
		fmt.Fprintf(&b, "<%s>%s</%s>", f[0], escapeXML(f[1]), f[0])
	}
	b.WriteString("</notification>")
	return b.String(), nil
}

var xmlEscaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;")

func escapeXML(s string) string { return xmlEscaper.Replace(s) }

// objectType is the type that the template asked for, or that of the object.
func (n notification) objectType() string {
	if n.template.ObjectType != "" {
		return n.template.ObjectType
	}
	return objectTypes(n.event)[0]
}

// number is a value of a dynamic enum as JSON shows it.
func number(s string) any {
	if n, err := strconv.Atoi(s); err == nil {
		return n
	}
	return s
}

// values are what placeholders stand for: facts of the event, and the template's own values, which may refer to facts.
func (n notification) values() map[string]string {
	facts := map[string]string{
		"event": n.event.Name, "partner_id": strconv.FormatInt(int64(n.event.Account), 10), "entry_id": string(n.event.Entry),
		"object_id": n.event.Object, "event_time": n.event.At.UTC().Format(time.RFC3339), "template_id": strconv.FormatInt(n.template.ID, 10),
	}
	out := map[string]string{}
	for k, v := range facts {
		out[k] = v
	}
	for _, list := range [][]catalog.NotificationValue{n.template.Spec.User, n.template.Spec.Values} {
		for _, v := range list {
			out[v.Key] = substitute(v.Value, facts, nil)
		}
	}
	return out
}

// substitute replaces {key} by its value, escaped; a key that is none stays as it is.
func substitute(text string, values map[string]string, escape func(string) string) string {
	var pairs []string
	for k, v := range values {
		if escape != nil {
			v = escape(v)
		}
		pairs = append(pairs, "{"+k+"}", v)
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

// header is the value of a template's own header.
func header(t *catalog.NotificationTemplate, name string) string {
	for _, h := range t.Spec.Headers {
		if strings.EqualFold(h.Key, name) {
			return h.Value
		}
	}
	return ""
}

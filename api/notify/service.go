package notify

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"sluice/api/rpc"
	"sluice/api/rpc/kaltura"
	"sluice/catalog"
)

// Service is the wire surface: templates of notifications, and the log of deliveries, which is an addition to the protocol.
type Service struct {
	Catalog *catalog.DB
	Engine  *Engine
}

// Register adds the services.
func (s *Service) Register(r *rpc.Registry) {
	kaltura.RegisterNotifications(r)
	admin := rpc.For(rpc.AdminSession)
	v := r.Service("eventNotification_eventNotificationTemplate", "Keeps what is told to other systems, and how.")
	rpc.Action(v, "add", "Adds a template.", s.add, admin)
	rpc.Action(v, "get", "Returns a template.", s.get, admin)
	rpc.Action(v, "update", "Changes a template.", s.update, admin)
	rpc.Action(v, "updateStatus", "Enables or disables a template.", s.updateStatus, admin)
	rpc.Action(v, "delete", "Deletes a template.", s.delete, admin)
	rpc.Action(v, "list", "Lists the account's templates.", s.list, admin)
	rpc.Action(v, "listTemplates", "Lists templates to clone.", s.listExamples, admin)
	rpc.Action(v, "clone", "Adds a template like another one, of the account or of those to clone.", s.clone, admin)
	rpc.Action(v, "dispatch", "Sends the notification of an object now; returns the delivery's id.", s.dispatch, admin)
	s.registerLog(r)
}

func missing(id int64) *rpc.Error {
	return rpc.E("EVENT_NOTIFICATION_TEMPLATE_NOT_FOUND", "ID", strconv.FormatInt(id, 10))
}

// wire turns an error of the catalog into the protocol's.
func wire(err error, notFound *rpc.Error, systemName string) error {
	switch {
	case errors.Is(err, catalog.ErrNotFound):
		return notFound
	case errors.Is(err, catalog.ErrConflict):
		return rpc.E("SYSTEM_NAME_ALREADY_EXISTS", "SYS_NAME", systemName).Because(err)
	case errors.Is(err, catalog.ErrInvalid):
		return rpc.E("INVALID_PARAMETER_VALUE", "PARAM_NAME", "eventNotificationTemplate").Because(err)
	}
	return err
}

type addIn struct {
	Template kaltura.NotificationTemplate `k:"eventNotificationTemplate" for:"add" required:"true"`
}

func (s *Service) add(c *rpc.Call, in addIn) (*kaltura.HttpNotificationTemplate, error) {
	sent, err := httpTemplate(in.Template)
	if err != nil {
		return nil, err
	}
	t := catalog.NotificationTemplate{Status: catalog.TemplateActive}
	if err := sent.Apply(&t); err != nil {
		return nil, err
	}
	if sent.Automatic == nil && sent.Manual == nil { // a template that never tells anything is of no use
		t.Automatic = true
	}
	return s.store(c, t)
}

// httpTemplate is what was sent, which is of the one class that can be made.
func httpTemplate(sent kaltura.NotificationTemplate) (*kaltura.HttpNotificationTemplate, error) {
	t, ok := sent.(*kaltura.HttpNotificationTemplate)
	if !ok {
		return nil, rpc.E("OBJECT_TYPE_ABSTRACT", "OBJ_TYPE", "KalturaEventNotificationTemplate")
	}
	return t, nil
}

func (s *Service) store(c *rpc.Call, t catalog.NotificationTemplate) (*kaltura.HttpNotificationTemplate, error) {
	if err := complete(&t); err != nil {
		return nil, err
	}
	made, err := s.Catalog.AddNotificationTemplate(c, c.AccountID(), t)
	if err != nil {
		return nil, wire(err, missing(t.ID), t.SystemName)
	}
	return kaltura.HttpNotificationTemplateOf(made), nil
}

// complete fills in the defaults of a template and refuses one that could not be sent.
func complete(t *catalog.NotificationTemplate) error {
	s := &t.Spec
	if s.Method == 0 {
		s.Method = 2
	}
	if s.Data.Kind == "" {
		s.Data = catalog.NotificationData{Kind: "object", Format: 1}
	}
	required := []struct{ field, value string }{{"name", t.Name}, {"url", s.URL}}
	if t.Automatic && len(s.Events) == 0 {
		required = append(required, struct{ field, value string }{"eventType", t.EventType})
	}
	for _, f := range required {
		if f.value == "" {
			return rpc.E("PROPERTY_VALIDATION_CANNOT_BE_NULL", "PROP_NAME", "KalturaHttpNotificationTemplate::"+f.field)
		}
	}
	u, err := url.Parse(strings.NewReplacer("{", "", "}", "").Replace(s.URL))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return wrong("url", "http://host/path or https://host/path")
	}
	for _, h := range s.Headers {
		if !validHeader(h) {
			return wrong("customHeaders", "headers that are the template's to choose")
		}
	}
	for _, name := range s.Events {
		if !slices.Contains(known, name) {
			return wrong("eventConditions", strings.Join(known, ", "))
		}
	}
	if !slices.Contains([]int{1, formatXML}, s.Data.Format) && s.Data.Kind == "object" {
		return wrong("data", "format 1 (JSON) or 2 (XML)")
	}
	return nil
}

func wrong(field, format string) *rpc.Error {
	return rpc.E("PROPERTY_VALIDATION_WRONG_FORMAT", "PROP_NAME", "KalturaHttpNotificationTemplate::"+field, "FORMAT", format)
}

// reservedHeaders are the connection's business, or ours.
var reservedHeaders = []string{
	"host", "content-length", "transfer-encoding", "connection", "upgrade", "te", "trailer", "x-kaltura-signature", "x-kaltura-hash-algo",
	"x-sluice-delivery", "x-sluice-event",
}

func validHeader(h catalog.NotificationValue) bool {
	if h.Key == "" || slices.Contains(reservedHeaders, strings.ToLower(h.Key)) {
		return false
	}
	name := func(r rune) bool {
		return r < '!' || r > '~' || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, r)
	}
	value := func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }
	return strings.IndexFunc(h.Key, name) < 0 && strings.IndexFunc(h.Value, value) < 0
}

type idIn struct {
	ID int64 `k:"id" ref:"eventNotificationTemplate"`
}

func (s *Service) get(c *rpc.Call, in idIn) (*kaltura.HttpNotificationTemplate, error) {
	t, err := s.Catalog.NotificationTemplate(c, c.AccountID(), in.ID)
	if err != nil {
		return nil, wire(err, missing(in.ID), "")
	}
	return kaltura.HttpNotificationTemplateOf(t), nil
}

func (s *Service) update(c *rpc.Call, in struct {
	ID       int64                        `k:"id" ref:"eventNotificationTemplate"`
	Template kaltura.NotificationTemplate `k:"eventNotificationTemplate" for:"update" required:"true"`
}) (*kaltura.HttpNotificationTemplate, error) {
	sent, err := httpTemplate(in.Template)
	if err != nil {
		return nil, err
	}
	t, err := s.Catalog.UpdateNotificationTemplate(c, c.AccountID(), in.ID, func(t *catalog.NotificationTemplate) error {
		return overlay(t, sent)
	})
	if err != nil {
		return nil, wire(err, missing(in.ID), kaltura.Value(sent.SystemName))
	}
	return kaltura.HttpNotificationTemplateOf(t), nil
}

// overlay changes what was sent of a template.
func overlay(t *catalog.NotificationTemplate, sent *kaltura.HttpNotificationTemplate) error {
	now := kaltura.HttpNotificationTemplateOf(*t)
	rpc.Merge(now, sent)
	if err := now.Apply(t); err != nil {
		return err
	}
	if sent.Cleared("password") {
		t.Password = ""
	}
	return complete(t)
}

func (s *Service) updateStatus(c *rpc.Call, in struct {
	ID     int64                                   `k:"id" ref:"eventNotificationTemplate"`
	Status kaltura.EventNotificationTemplateStatus `k:"status"`
}) (*kaltura.HttpNotificationTemplate, error) {
	if in.Status != catalog.TemplateActive && in.Status != catalog.TemplateDisabled {
		return nil, rpc.E("INVALID_PARAMETER_VALUE", "PARAM_NAME", "status")
	}
	t, err := s.Catalog.UpdateNotificationTemplate(c, c.AccountID(), in.ID, func(t *catalog.NotificationTemplate) error {
		t.Status = int(in.Status)
		return nil
	})
	if err != nil {
		return nil, wire(err, missing(in.ID), "")
	}
	return kaltura.HttpNotificationTemplateOf(t), nil
}

func (s *Service) delete(c *rpc.Call, in idIn) (rpc.Void, error) {
	return rpc.Void{}, wire(s.Catalog.DeleteNotificationTemplate(c, c.AccountID(), in.ID), missing(in.ID), "")
}

type listIn struct {
	Filter *rpc.FilterOf[kaltura.EventNotificationTemplate] `k:"filter"`
	Pager  *rpc.Pager                                       `k:"pager"`
}

func (s *Service) list(c *rpc.Call, in listIn) (*rpc.List[*kaltura.HttpNotificationTemplate], error) {
	return s.templates(c, c.AccountID(), in)
}

func (s *Service) listExamples(c *rpc.Call, in listIn) (*rpc.List[*kaltura.HttpNotificationTemplate], error) {
	return s.templates(c, 0, in)
}

func (s *Service) templates(ctx context.Context, of catalog.AccountID, in listIn) (*rpc.List[*kaltura.HttpNotificationTemplate], error) {
	var q catalog.Query
	if in.Filter != nil {
		q.Conds, q.Order = in.Filter.Conds, in.Filter.Order
	}
	q.Offset, q.Limit = in.Pager.Page()
	rows, total, err := s.Catalog.NotificationTemplates(ctx, of, q)
	if err != nil {
		return nil, err
	}
	out := &rpc.List[*kaltura.HttpNotificationTemplate]{TotalCount: total, Objects: []*kaltura.HttpNotificationTemplate{}}
	for _, t := range rows {
		out.Objects = append(out.Objects, kaltura.HttpNotificationTemplateOf(t))
	}
	return out, nil
}

func (s *Service) clone(c *rpc.Call, in struct {
	ID       int64                        `k:"id" ref:"eventNotificationTemplate"`
	Template kaltura.NotificationTemplate `k:"eventNotificationTemplate" for:"add"`
}) (*kaltura.HttpNotificationTemplate, error) {
	t, err := s.Catalog.NotificationTemplate(c, c.AccountID(), in.ID)
	if errors.Is(err, catalog.ErrNotFound) {
		t, err = s.Catalog.NotificationTemplate(c, 0, in.ID)
	}
	if err != nil {
		return nil, wire(err, missing(in.ID), "")
	}
	t.ID, t.Status, t.SystemName = 0, catalog.TemplateActive, ""
	if in.Template != nil {
		sent, err := httpTemplate(in.Template)
		if err != nil {
			return nil, err
		}
		if err := overlay(&t, sent); err != nil {
			return nil, err
		}
	}
	return s.store(c, t)
}

func (s *Service) dispatch(c *rpc.Call, in struct {
	ID    int64                           `k:"id" ref:"eventNotificationTemplate"`
	Scope *kaltura.EventNotificationScope `k:"scope" required:"true"`
}) (int64, error) {
	t, err := s.Catalog.NotificationTemplate(c, c.AccountID(), in.ID)
	if err != nil {
		return 0, wire(err, missing(in.ID), "")
	}
	if !t.Manual || t.Status != catalog.TemplateActive {
		return 0, rpc.E("EVENT_NOTIFICATION_DISPATCH_DISABLED", "ID", strconv.FormatInt(in.ID, 10))
	}
	object := kaltura.Value(in.Scope.ObjectID)
	ev := catalog.Event{Name: "manual", Account: c.AccountID(), Entry: catalog.EntryID(object), Object: object, At: time.Now()}
	unknown := rpc.E("ENTRY_ID_NOT_FOUND", "ENTRY_ID", object)
	if kind := string(kaltura.Value(in.Scope.ScopeObjectType)); kind != "" && kind != objectEntry {
		unknown = rpc.E("ASSET_ID_NOT_FOUND", "ID", object)
		a, err := s.Catalog.Asset(c, catalog.AssetID(object))
		if err == nil && a.Account != c.AccountID() {
			err = catalog.ErrNotFound
		}
		if err != nil {
			return 0, wire(err, unknown, "")
		}
		ev.Entry = a.Entry
	}
	id, err := s.Engine.Dispatch(c, t, ev)
	return id, wire(err, unknown, "")
}

package account

import (
	"errors"
	"strconv"
	"strings"

	"sluice/api/rpc"
	"sluice/api/rpc/access"
	"sluice/api/rpc/kaltura"
	"sluice/api/rpc/ks"
	"sluice/catalog"
)

func decimal(id catalog.AccountID) string { return strconv.FormatInt(int64(id), 10) }

func (s *Service) registerWidget(r *rpc.Registry) {
	v := r.Service("widget", "Keeps the widgets that players start their sessions with.")
	rpc.Action(v, "add", "Adds a widget.", s.addWidget, rpc.For(rpc.AdminSession))
	rpc.Action(v, "get", "Returns a widget.", s.getWidget, rpc.For(rpc.WidgetSession))
	rpc.Action(v, "update", "Changes a widget.", s.updateWidget, rpc.For(rpc.AdminSession))
	rpc.Action(v, "clone", "Adds a widget like its source.", s.cloneWidget, rpc.For(rpc.AdminSession))
	rpc.Action(v, "list", "Lists widgets.", s.listWidgets)
}

func invalidWidget(id string) *rpc.Error { return rpc.E("INVALID_WIDGET_ID", "WIDGET_ID", id) }

// widget returns a widget of the account; the default one need not be stored.
func (s *Service) widget(c *rpc.Call, id string) (catalog.Widget, error) {
	w, err := s.Catalog.Widget(c, c.AccountID(), id)
	if errors.Is(err, catalog.ErrNotFound) && id == catalog.DefaultWidget(c.AccountID()) {
		return defaultWidget(c.Account), nil
	}
	return w, wire(err, invalidWidget(id), "id")
}

func defaultWidget(a catalog.Account) catalog.Widget {
	return catalog.Widget{
		ID: catalog.DefaultWidget(a.ID), Details: catalog.WidgetDetails{Entitlement: true},
		Record: catalog.Record{Account: a.ID, CreatedAt: catalog.StampOf(a.CreatedAt), UpdatedAt: catalog.StampOf(a.CreatedAt)},
	}
}

func (s *Service) getWidget(c *rpc.Call, in struct {
	ID string `k:"id" ref:"widget"`
}) (*kaltura.Widget, error) {
	w, err := s.widget(c, in.ID)
	if err != nil {
		return nil, err
	}
	return kaltura.WidgetOf(w), nil
}

type addWidgetIn struct {
	Widget *kaltura.Widget `k:"widget" for:"add" required:"true"`
}

func (s *Service) addWidget(c *rpc.Call, in addWidgetIn) (*kaltura.Widget, error) {
	source := kaltura.Value(in.Widget.SourceWidgetID)
	if source == "" {
		return nil, rpc.E("PROPERTY_VALIDATION_CANNOT_BE_NULL", "PROP_NAME", "KalturaWidget::sourceWidgetId")
	}
	from, err := s.widget(c, source)
	if err != nil {
		return nil, err
	}
	if err := s.checkEntry(c, in.Widget); err != nil {
		return nil, err
	}
	base := kaltura.WidgetOf(from)
	rpc.Merge(base, in.Widget)
	w := catalog.Widget{Source: from.ID, Root: from.Root}
	if w.Root == "" {
		w.Root = from.ID
	}
	base.Apply(&w)
	if err := s.checkWidget(c, &w); err != nil {
		return nil, err
	}
	made, err := s.Catalog.AddWidget(c, c.AccountID(), w)
	if err != nil {
		return nil, wire(err, invalidWidget(source), "widget")
	}
	return kaltura.WidgetOf(made), nil
}

// checkEntry refuses a widget that names an entry which its account does not have.
func (s *Service) checkEntry(c *rpc.Call, w *kaltura.Widget) error {
	id := kaltura.Value(w.EntryID)
	if id == "" {
		return nil
	}
	_, err := access.Entry(c, s.Catalog, id, access.View)
	return err
}

// checkWidget refuses a widget that could start no session.
func (s *Service) checkWidget(c *rpc.Call, w *catalog.Widget) error {
	return s.Sessions.checkPrivileges(c, &ks.Session{Account: c.AccountID(), Privileges: widgetPrivileges(*w)})
}

func (s *Service) cloneWidget(c *rpc.Call, in struct {
	Widget *kaltura.Widget `k:"widget" required:"true"`
}) (*kaltura.Widget, error) {
	return s.addWidget(c, addWidgetIn(in))
}

func (s *Service) updateWidget(c *rpc.Call, in struct {
	ID     string          `k:"id" ref:"widget"`
	Widget *kaltura.Widget `k:"widget" for:"update" required:"true"`
}) (*kaltura.Widget, error) {
	old, err := s.widget(c, in.ID)
	if err != nil {
		return nil, err
	}
	if err := s.checkEntry(c, in.Widget); err != nil {
		return nil, err
	}
	if old.ID == catalog.DefaultWidget(c.AccountID()) {
		// Its row is made when it first differs; someone else may do so at the same time.
		if _, err := s.Catalog.AddWidget(c, c.AccountID(), old); err != nil && !errors.Is(err, catalog.ErrConflict) {
			return nil, err
		}
	}
	w, err := s.Catalog.UpdateWidget(c, c.AccountID(), in.ID, func(w *catalog.Widget) error {
		now := kaltura.WidgetOf(*w)
		rpc.Merge(now, in.Widget)
		now.Apply(w)
		return s.checkWidget(c, w)
	})
	if err != nil {
		return nil, wire(err, invalidWidget(in.ID), "widget")
	}
	return kaltura.WidgetOf(w), nil
}

func (s *Service) listWidgets(c *rpc.Call, in struct {
	Filter *rpc.FilterOf[kaltura.Widget] `k:"filter"`
	Pager  *rpc.Pager                    `k:"pager"`
}) (*rpc.List[*kaltura.Widget], error) {
	var f *rpc.Filter
	if in.Filter != nil {
		f = &in.Filter.Filter
	}
	rows, total, err := s.Catalog.Widgets(c, c.AccountID(), query(f, in.Pager))
	return page(rows, total, err, kaltura.WidgetOf)
}

// startWidgetSession needs no session: the widget says whose player it is.
func (s *Service) startWidgetSession(c *rpc.Call, in struct {
	WidgetID string `k:"widgetId" ref:"-"`
	Expiry   int64  `k:"expiry" default:"86400"`
}) (*kaltura.StartWidgetSessionResponse, error) {
	w, err := s.findWidget(c, in.WidgetID)
	if err != nil {
		return nil, err
	}
	session := &ks.Session{Account: w.Account, User: "0", Type: ks.UserType, Privileges: widgetPrivileges(w)}
	if err := s.startAs(c, session, in.Expiry); err != nil {
		var refused *rpc.Error
		if errors.As(err, &refused) {
			return nil, rpc.E("START_WIDGET_SESSION_ERROR", "WIDGET_ID", in.WidgetID).Because(err)
		}
		return nil, err
	}
	return &kaltura.StartWidgetSessionResponse{PartnerID: new(int64(w.Account)), KS: new(session.Token), UserID: new("0")}, nil
}

// findWidget looks for a widget of any account.
func (s *Service) findWidget(c *rpc.Call, id string) (catalog.Widget, error) {
	w, err := s.Catalog.WidgetByID(c, id)
	if !errors.Is(err, catalog.ErrNotFound) {
		return w, err
	}
	number, ok := strings.CutPrefix(id, "_")
	n, err := strconv.ParseInt(number, 10, 64)
	if !ok || err != nil || id != catalog.DefaultWidget(catalog.AccountID(n)) {
		return catalog.Widget{}, invalidWidget(id)
	}
	a, err := s.Sessions.Account(c, catalog.AccountID(n))
	if err != nil {
		return catalog.Widget{}, wire(err, invalidWidget(id), "widgetId")
	}
	return defaultWidget(a), nil
}

// widgetPrivileges are those of a widget's sessions.
func widgetPrivileges(w catalog.Widget) []ks.Privilege {
	d := w.Details
	text := d.Privileges
	if text == "" {
		text = "view:*"
	}
	list := append(ks.ParsePrivileges(text), ks.Privilege{Name: "widget", Value: "1"})
	if w.Entry != "" {
		if !d.Entitlement {
			list = append(list, ks.Privilege{Name: "disableentitlementforentry", Value: string(w.Entry)})
		}
		list = append(list, ks.Privilege{Name: "limitentry", Value: string(w.Entry)})
	}
	if d.PrivacyContext != "" {
		list = append(list, ks.Privilege{Name: "privacycontext", Value: d.PrivacyContext})
	}
	if d.Roles != "" {
		list = append(list, ks.Privilege{Name: "setrole", Value: d.Roles})
	}
	return list
}

package catalog

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"
)

// Widget is where players get their sessions. Every account has one that is called after its id, "_102", whether it is
// stored or not.
type Widget struct {
	bun.BaseModel `bun:"table:widgets"`
	Record

	ID      string        `bun:"id,pk"`
	Source  string        `bun:"source"` // the widget it was made from
	Root    string        `bun:"root"`
	Entry   EntryID       `bun:"entry"`
	UIConf  int64         `bun:"ui_conf"`
	Data    string        `bun:"data"` // the account's own
	Details WidgetDetails `bun:"details"`
}

// WidgetDetails are what the sessions of a widget may do, and what players want to know.
type WidgetDetails struct {
	SecurityType   int    `json:"security_type,omitempty"`
	SecurityPolicy int    `json:"security_policy,omitempty"`
	Entitlement    bool   `json:"entitlement"` // enforced
	PrivacyContext string `json:"privacy_context,omitempty"`
	HTML5Support   bool   `json:"html5_support,omitempty"`
	Roles          string `json:"roles,omitempty"`
	Privileges     string `json:"privileges,omitempty"`
}

var widgets = table[Widget, *Widget]{
	noun: "widget",
	fields: fields{
		"id": {"id", kindText}, "partnerId": {"account", kindInt}, "sourceWidgetId": {"source", kindText},
		"rootWidgetId": {"root", kindText}, "entryId": {"entry", kindText}, "uiConfId": {"ui_conf", kindInt},
		"partnerData": {"data", kindText}, "createdAt": {"created_at", kindTime}, "updatedAt": {"updated_at", kindTime},
	},
	check: func(w *Widget) error {
		return firstOf(
			checkText("entry", string(w.Entry), maxKeyBytes), checkText("partner data", w.Data, maxReasonBytes),
			checkText("privacy context", w.Details.PrivacyContext, maxReasonBytes), checkText("roles", w.Details.Roles, maxReasonBytes),
			checkText("privileges", w.Details.Privileges, maxReasonBytes),
		)
	},
}

// DefaultWidget is the id of the widget that every account has.
func DefaultWidget(a AccountID) string { return fmt.Sprintf("_%d", a) }

// AddWidget stores a new widget. Without an id it gets one.
func (db *DB) AddWidget(ctx context.Context, a AccountID, w Widget) (Widget, error) {
	if w.ID == "" {
		w.ID = newObjectID()
	}
	return widgets.insert(ctx, db, a, w)
}

// Widget returns a stored widget.
func (db *DB) Widget(ctx context.Context, a AccountID, id string) (Widget, error) {
	return widgets.get(ctx, db, a, id)
}

// WidgetByID returns a stored widget of any account: a player knows nothing but its id, and acts for its account.
func (db *DB) WidgetByID(ctx context.Context, id string) (Widget, error) {
	var w Widget
	if err := db.read.NewSelect().Model(&w).Where("id = ?", id).Where("deleted_at = 0").Scan(ctx); err != nil {
		return Widget{}, notFound(err, "widget %q", id)
	}
	return w, nil
}

// Widgets returns a page of stored widgets and how many there are on all pages.
func (db *DB) Widgets(ctx context.Context, a AccountID, q Query) ([]Widget, int, error) {
	return widgets.list(ctx, db, a, q)
}

// UpdateWidget changes a stored widget by fn.
func (db *DB) UpdateWidget(ctx context.Context, a AccountID, id string, fn func(*Widget) error) (Widget, error) {
	return widgets.update(ctx, db, a, id, fn)
}

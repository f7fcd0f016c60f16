package catalog

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"

	"sluice/catalog/seal"
)

// States of a notification template; the values are the wire's.
const (
	TemplateDisabled = 1
	TemplateActive   = 2
)

// NotificationTemplate says which events are told to which URL, and how. Those of account 0 are examples to copy.
type NotificationTemplate struct {
	bun.BaseModel `bun:"table:notification_templates"`
	Record

	ID          int64  `bun:"id,pk,autoincrement"`
	Name        string `bun:"name"`
	SystemName  string `bun:"system_name"` // unique in the account; may be empty
	Description string `bun:"description"`
	Status      int    `bun:"status"`
	// Automatic templates follow events, Manual ones may be dispatched by a call.
	Automatic bool `bun:"automatic"`
	Manual    bool `bun:"manual"`
	// EventType and ObjectType are the wire's.
	EventType  string           `bun:"event_type"`
	ObjectType string           `bun:"object_type"`
	Password   string           `bun:"-"`
	Sealed     string           `bun:"password"`
	Spec       NotificationSpec `bun:"spec"`
}

// NotificationSpec is how a notification is made and sent.
type NotificationSpec struct {
	URL    string           `json:"url,omitempty"`
	Method int              `json:"method,omitempty"` // 1 GET, 2 POST, 3 PUT, 4 DELETE
	Data   NotificationData `json:"data"`
	// Timeout bounds a delivery, in seconds; 0 for the default.
	Timeout int `json:"timeout,omitempty"`
	// ConnectTimeout and Authentication are kept as the wire has them.
	ConnectTimeout int                 `json:"connect_timeout,omitempty"`
	Authentication int                 `json:"authentication,omitempty"`
	Username       string              `json:"username,omitempty"`
	Headers        []NotificationValue `json:"headers,omitempty"`
	Hash           int                 `json:"hash,omitempty"` // of the signature: 1 SHA-1, 2 SHA-256, 3 SHA-512
	Values         []NotificationValue `json:"values,omitempty"`
	User           []NotificationValue `json:"user,omitempty"`
	Events         []string            `json:"events,omitempty"` // names of events that decide in place of the event type
}

// NotificationData is the body of a notification: an object, a text, or the template's values as fields of a form.
type NotificationData struct {
	Kind       string `json:"kind,omitempty"` // object, text or fields
	Text       string `json:"text,omitempty"`
	Format     int    `json:"format,omitempty"` // 1 JSON, 2 XML
	IgnoreNull bool   `json:"ignore_null,omitempty"`
	ObjectType string `json:"object_type,omitempty"`
	Code       string `json:"code,omitempty"`
	// ResponseProfile selects the fields that are told of an object; 0 for all.
	ResponseProfile int64 `json:"response_profile,omitempty"`
}

// NotificationValue is a named value; it may hold placeholders.
type NotificationValue struct {
	Key         string `json:"key"`
	Value       string `json:"value"`
	Description string `json:"description,omitempty"`
}

func (t *NotificationTemplate) place() string {
	return fmt.Sprintf("password of notification templates of account %d", t.Account)
}

var notificationTemplates = table[NotificationTemplate, *NotificationTemplate]{
	noun: "notification template",
	fields: fields{
		"id": {"id", kindInt}, "partnerId": {"account", kindInt}, "systemName": {"system_name", kindText}, "status": {"status", kindInt},
		"createdAt": {"created_at", kindTime}, "updatedAt": {"updated_at", kindTime},
	},
	check: func(t *NotificationTemplate) error {
		return firstOf(
			checkText("name", t.Name, maxNameBytes), checkText("system name", t.SystemName, maxKeyBytes),
			checkText("description", t.Description, maxReasonBytes), checkText("URL", t.Spec.URL, maxReasonBytes),
			checkText("text", t.Spec.Data.Text, maxTextBytes),
		)
	},
}

// AddNotificationTemplate stores a new template.
func (db *DB) AddNotificationTemplate(ctx context.Context, a AccountID, t NotificationTemplate) (NotificationTemplate, error) {
	t.Account = a
	if err := db.sealPassword(&t); err != nil {
		return NotificationTemplate{}, err
	}
	return notificationTemplates.insert(ctx, db, a, t)
}

func (db *DB) sealPassword(t *NotificationTemplate) (err error) {
	t.Sealed = ""
	if t.Password != "" {
		t.Sealed, err = db.seal(t.Password, t.place())
	}
	return err
}

func (db *DB) openPassword(t *NotificationTemplate) (err error) {
	if t.Sealed != "" {
		t.Password, err = db.unseal(t.Sealed, t.place())
	}
	return err
}

// NotificationTemplate returns a template.
func (db *DB) NotificationTemplate(ctx context.Context, a AccountID, id int64) (NotificationTemplate, error) {
	t, err := notificationTemplates.get(ctx, db, a, id)
	if err != nil {
		return t, err
	}
	return t, db.openPassword(&t)
}

// NotificationTemplates returns a page of templates, without their passwords, and how many there are on all pages.
func (db *DB) NotificationTemplates(ctx context.Context, a AccountID, q Query) ([]NotificationTemplate, int, error) {
	return notificationTemplates.list(ctx, db, a, q)
}

// UpdateNotificationTemplate changes a template by fn.
func (db *DB) UpdateNotificationTemplate(ctx context.Context, a AccountID, id int64, fn func(*NotificationTemplate) error) (NotificationTemplate, error) {
	return notificationTemplates.update(ctx, db, a, id, func(t *NotificationTemplate) error {
		if err := db.openPassword(t); err != nil {
			return err
		}
		if err := fn(t); err != nil {
			return err
		}
		return db.sealPassword(t)
	})
}

// DeleteNotificationTemplate deletes a template. What it has to deliver is not delivered any more.
func (db *DB) DeleteNotificationTemplate(ctx context.Context, a AccountID, id int64) error {
	return notificationTemplates.delete(ctx, db, a, id, nil)
}

// AutomaticTemplates returns the active templates of an account that follow events.
func (db *DB) AutomaticTemplates(ctx context.Context, a AccountID) ([]NotificationTemplate, error) {
	var out []NotificationTemplate
	err := notificationTemplates.mine(a)(db.read.NewSelect().Model(&out)).Where("status = ?", TemplateActive).Where("automatic").Order("id").Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("notification templates of account %d: %w", a, err)
	}
	return out, nil
}

func (tx *Tx) resealPasswords(ctx context.Context, ring *seal.Ring) error {
	var rows []NotificationTemplate
	if err := tx.tx.NewSelect().Model(&rows).Where("password <> ''").Where("deleted_at = 0").Order("id").Scan(ctx); err != nil {
		return err
	}
	for _, t := range rows {
		sealed, changed, err := reseal(ring, t.Sealed, t.place())
		if err != nil {
			return err
		}
		if !changed {
			continue
		}
		if _, err := tx.tx.NewUpdate().Table("notification_templates").Set("password = ?", sealed).Where("id = ?", t.ID).Exec(ctx); err != nil {
			return err
		}
	}
	return nil
}

package catalog

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// DeliveryStatus is the state of a delivery.
type DeliveryStatus int

// States of a delivery.
const (
	DeliveryPending DeliveryStatus = 0 // waits for its first or its next try
	DeliveryDone    DeliveryStatus = 1
	DeliveryFailed  DeliveryStatus = 2 // given up; it can be tried again by hand
)

// Delivery is one notification to be sent, and what became of it.
type Delivery struct {
	bun.BaseModel `bun:"table:notification_deliveries"`
	Record

	ID       int64          `bun:"id,pk,autoincrement"`
	Template int64          `bun:"template"`
	Event    string         `bun:"event"`
	EventSeq *int64         `bun:"event_seq"` // nil for one that was dispatched by hand
	ObjectID string         `bun:"object_id"`
	Status   DeliveryStatus `bun:"status"`
	// Attempts counts the tries; it is the fencing token of the one under way.
	Attempts   int   `bun:"attempts"`
	NextAt     Stamp `bun:"next_at"`
	FinishedAt Stamp `bun:"finished_at"`
	// URL, ContentType and Body are what is sent, the same at every try.
	URL          string `bun:"url"`
	ContentType  string `bun:"content_type"`
	Body         string `bun:"body"`
	ResponseCode int    `bun:"response_code"`
	Response     string `bun:"response"` // its beginning
	Error        string `bun:"error_text"`
}

var deliveries = table[Delivery, *Delivery]{
	noun: "delivery",
	fields: fields{
		"id": {"id", kindInt}, "templateId": {"template", kindInt}, "status": {"status", kindInt}, "eventName": {"event", kindText},
		"objectId": {"object_id", kindText}, "createdAt": {"created_at", kindTime}, "updatedAt": {"updated_at", kindTime},
	},
	check: func(d *Delivery) error {
		d.Response, d.Error = reason(d.Response), reason(d.Error)
		return firstOf(checkText("URL", d.URL, maxTextBytes), checkText("body", d.Body, maxDelivery))
	},
}

// maxDelivery bounds the body of a notification, in bytes.
const maxDelivery = 1 << 20

// AddDelivery stores a delivery in the transaction and returns it with its id; false says that the template has one of the
// same event already. Render, which gets the id, gives it its body.
func (tx *Tx) AddDelivery(ctx context.Context, a AccountID, d Delivery, render func(*Delivery) error) (Delivery, bool, error) {
	if d.EventSeq != nil {
		n, err := tx.tx.NewSelect().Table("notification_deliveries").Where("template = ?", d.Template).Where("event_seq = ?", *d.EventSeq).Count(ctx)
		if err != nil || n > 0 {
			return Delivery{}, false, err
		}
	}
	d.NextAt = StampOf(tx.now)
	d, err := deliveries.insert(ctx, tx, a, d)
	if err != nil {
		return Delivery{}, false, err
	}
	d, err = deliveries.update(ctx, tx, a, d.ID, render)
	return d, err == nil, err
}

// Delivery returns a delivery.
func (db *DB) Delivery(ctx context.Context, a AccountID, id int64) (Delivery, error) {
	return deliveries.get(ctx, db, a, id)
}

// Deliveries returns a page of deliveries and how many there are on all pages.
func (db *DB) Deliveries(ctx context.Context, a AccountID, q Query) ([]Delivery, int, error) {
	return deliveries.list(ctx, db, a, q)
}

// RetryDelivery makes a delivery that was given up, or waits, due at once.
func (db *DB) RetryDelivery(ctx context.Context, a AccountID, id int64) (Delivery, error) {
	return deliveries.update(ctx, db, a, id, func(d *Delivery) error {
		if d.Status == DeliveryDone {
			return fmt.Errorf("%w: it was delivered", ErrConflict)
		}
		if d.Status == DeliveryFailed {
			d.Attempts = 0
		}
		d.Status, d.NextAt, d.FinishedAt = DeliveryPending, StampOf(time.Now()), 0
		return nil
	})
}

// ClaimDeliveries takes up to limit due deliveries for a try that ends within lease, at most perTemplate of each template,
// and none of the templates that are busy. A process that dies leaves them to be claimed again when the lease ends.
func (db *DB) ClaimDeliveries(ctx context.Context, limit, perTemplate int, lease time.Duration, busy []int64) ([]Delivery, error) {
	var out []Delivery
	err := db.inTx(ctx, lazy, func(tx *Tx) error {
		out = nil
		now := StampOf(tx.now)
		due := tx.tx.NewSelect().Table("notification_deliveries").Column("id", "next_at").
			ColumnExpr("row_number() OVER (PARTITION BY template ORDER BY next_at, id) AS nth").
			Where("status = ?", DeliveryPending).Where("next_at <= ?", now).Where("deleted_at = 0")
		if len(busy) > 0 {
			due = due.Where("template NOT IN (?)", bun.List(busy))
		}
		first := tx.tx.NewSelect().TableExpr("(?) AS due", due).Column("id").Where("nth <= ?", perTemplate).
			Order("next_at", "id").Limit(int64(limit))
		// On PostgreSQL another process may have claimed some meanwhile: their next_at says so.
		return tx.tx.NewUpdate().Model(&out).ModelTableExpr("notification_deliveries AS delivery").
			Set("next_at = ?", StampOf(tx.now.Add(lease))).Set("attempts = attempts + 1").
			Set("updated_at = ?", now).Where("id IN (?)", first).Where("status = ?", DeliveryPending).Where("next_at <= ?", now).
			Returning("*").Scan(ctx, &out)
	})
	if err != nil {
		return nil, fmt.Errorf("claim deliveries: %w", err)
	}
	return out, nil
}

// FinishDelivery records what became of a try: the fields of d that say so. ErrFenced says that the try took too long and
// another one took its place.
func (db *DB) FinishDelivery(ctx context.Context, d Delivery) error {
	_, err := deliveries.update(ctx, db, d.Account, d.ID, func(row *Delivery) error {
		if row.Attempts != d.Attempts || row.Status != DeliveryPending {
			return ErrFenced
		}
		row.Status, row.NextAt, row.FinishedAt = d.Status, d.NextAt, d.FinishedAt
		row.ResponseCode, row.Response, row.Error = d.ResponseCode, d.Response, d.Error
		return nil
	})
	return err
}

// TrimDeliveries deletes up to limit deliveries that ended before, and reports how many.
func (db *DB) TrimDeliveries(ctx context.Context, before time.Time, limit int) (int, error) {
	var n int64
	err := db.inTx(ctx, lazy, func(tx *Tx) error {
		old := tx.tx.NewSelect().Table("notification_deliveries").Column("id").Where("status <> ?", DeliveryPending).
			Where("finished_at < ?", StampOf(before)).Limit(int64(limit))
		res, err := tx.tx.NewDelete().Table("notification_deliveries").Where("id IN (?)", old).Exec(ctx)
		if err != nil {
			return err
		}
		n, err = res.RowsAffected()
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("trim deliveries: %w", err)
	}
	return int(n), nil
}

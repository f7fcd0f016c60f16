package catalog

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/uptrace/bun"
)

// States of a cue point, as on the wire.
const (
	CuePointReady   = 1
	CuePointDeleted = 2
	CuePointHandled = 3
	CuePointPending = 4
)

// CuePoint marks a moment or a span of an entry: a chapter, a slide, a note.
type CuePoint struct {
	bun.BaseModel `bun:"table:cue_points"`
	Record

	Num        int64   `bun:"id,pk,autoincrement"`
	ID         string  `bun:"public_id"` // like an entry's
	Entry      EntryID `bun:"entry"`
	Type       string  `bun:"type"` // as on the wire, such as thumbCuePoint.Thumb
	Status     int     `bun:"status"`
	StartMS    int64   `bun:"start_ms"`
	EndMS      int64   `bun:"end_ms"` // 0 for a moment
	Triggered  Stamp   `bun:"triggered_at"`
	User       string  `bun:"user_id"`
	Tags       string  `bun:"tags"`
	SystemName string  `bun:"system_name"`
	Parent     string  `bun:"parent"`
	SortValue  int64   `bun:"sort_value"`
	// More is what only one type has, as JSON.
	More json.RawMessage `bun:"more"`
}

var cuePoints = table[CuePoint, *CuePoint]{noun: "cue point", fields: fields{
	"id": {"public_id", kindText}, "intId": {"id", kindInt}, "cuePointType": {"type", kindText}, "status": {"status", kindInt}, "entryId": {"entry", kindText},
	"createdAt": {"created_at", kindTime}, "updatedAt": {"updated_at", kindTime}, "triggeredAt": {"triggered_at", kindTime}, "tags": {"tags", kindText},
	"startTime": {"start_ms", kindInt}, "endTime": {"end_ms", kindInt}, "userId": {"user_id", kindText}, "systemName": {"system_name", kindText},
	"partnerSortValue": {"sort_value", kindInt}, "parentId": {"parent", kindText},
}}

// AddCuePoint stores a new cue point and returns it with its id.
func (db *DB) AddCuePoint(ctx context.Context, account AccountID, p CuePoint) (CuePoint, error) {
	p.ID = newObjectID()
	return cuePoints.insert(ctx, db, account, p)
}

// CuePoint returns an account's cue point by its id.
func (db *DB) CuePoint(ctx context.Context, account AccountID, id string) (CuePoint, error) {
	rows, _, err := cuePoints.list(ctx, db, account, Query{Conds: []Cond{{"id", OpEq, []any{id}}}, Limit: 1, Order: []Order{{Field: "intId"}}})
	if err != nil {
		return CuePoint{}, err
	}
	if len(rows) == 0 {
		return CuePoint{}, notFound(ErrNotFound, "cue point %s", id)
	}
	return rows[0], nil
}

// ListCuePoints returns a page of an account's cue points, and how many there are.
func (db *DB) ListCuePoints(ctx context.Context, account AccountID, q Query) ([]CuePoint, int, error) {
	return cuePoints.list(ctx, db, account, q)
}

// CuePointParents returns, of the cue points of entries that answer others, which they answer: ids by ids.
func (db *DB) CuePointParents(ctx context.Context, account AccountID, entries []EntryID) (map[string]string, error) {
	if len(entries) == 0 {
		return nil, nil
	}
	var rows []struct{ PublicID, Parent string }
	err := cuePoints.mine(account)(db.read.NewSelect().Model((*CuePoint)(nil))).Column("public_id", "parent").
		Where("entry IN (?)", bun.List(entries)).Where("parent <> ''").Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("parents of cue points: %w", err)
	}
	out := make(map[string]string, len(rows))
	for _, r := range rows {
		out[r.PublicID] = r.Parent
	}
	return out, nil
}

// UpdateCuePoint changes a cue point by fn.
func (db *DB) UpdateCuePoint(ctx context.Context, account AccountID, id string, fn func(*CuePoint) error) (CuePoint, error) {
	p, err := db.CuePoint(ctx, account, id)
	if err != nil {
		return CuePoint{}, err
	}
	return cuePoints.update(ctx, db, account, p.Num, func(row *CuePoint) error {
		entry, num, public := row.Entry, row.Num, row.ID
		err := fn(row)
		row.Entry, row.Num, row.ID = entry, num, public
		return err
	})
}

// DeleteCuePoint deletes a cue point.
func (db *DB) DeleteCuePoint(ctx context.Context, account AccountID, id string) error {
	p, err := db.CuePoint(ctx, account, id)
	if err != nil {
		return err
	}
	return cuePoints.delete(ctx, db, account, p.Num, func(p *CuePoint) { p.Status = CuePointDeleted })
}

// ResponseProfile is a stored response profile: what an answer shows, as JSON of the wire.
type ResponseProfile struct {
	bun.BaseModel `bun:"table:response_profiles"`
	Record

	ID         int64           `bun:"id,pk,autoincrement"`
	Name       string          `bun:"name"`
	SystemName string          `bun:"system_name"`
	Status     int             `bun:"status"` // 1 disabled, 2 enabled, 3 deleted
	Version    int             `bun:"version"`
	Body       json.RawMessage `bun:"body"`
}

var responseProfiles = table[ResponseProfile, *ResponseProfile]{noun: "response profile", shared: true, fields: fields{
	"id": {"id", kindInt}, "systemName": {"system_name", kindText}, "status": {"status", kindInt}, "name": {"name", kindText},
	"createdAt": {"created_at", kindTime}, "updatedAt": {"updated_at", kindTime},
}}

// AddResponseProfile stores a new response profile.
func (db *DB) AddResponseProfile(ctx context.Context, account AccountID, p ResponseProfile) (ResponseProfile, error) {
	return responseProfiles.insert(ctx, db, account, p)
}

// ResponseProfile returns a profile of the account or of the system.
func (db *DB) ResponseProfile(ctx context.Context, account AccountID, id int64) (ResponseProfile, error) {
	return responseProfiles.get(ctx, db, account, id)
}

// ListResponseProfiles returns a page of the account's and the system's profiles, and how many there are.
func (db *DB) ListResponseProfiles(ctx context.Context, account AccountID, q Query) ([]ResponseProfile, int, error) {
	return responseProfiles.list(ctx, db, account, q)
}

// UpdateResponseProfile changes an account's own profile by fn.
func (db *DB) UpdateResponseProfile(ctx context.Context, account AccountID, id int64, fn func(*ResponseProfile) error) (ResponseProfile, error) {
	return responseProfiles.update(ctx, db, account, id, fn)
}

// DeleteResponseProfile deletes an account's own profile.
func (db *DB) DeleteResponseProfile(ctx context.Context, account AccountID, id int64) error {
	return responseProfiles.delete(ctx, db, account, id, func(p *ResponseProfile) { p.Status = 3 })
}

// AddCuePoint is DB.AddCuePoint inside a transaction.
func (tx *Tx) AddCuePoint(ctx context.Context, account AccountID, p CuePoint) (CuePoint, error) {
	p.ID = newObjectID()
	return cuePoints.insert(ctx, tx, account, p)
}

// SetCuePoint changes a cue point of an entry by fn; ErrNotFound says that the entry has none of the id.
func (tx *Tx) SetCuePoint(ctx context.Context, account AccountID, entry EntryID, id string, fn func(*CuePoint) error) error {
	var p CuePoint
	err := cuePoints.mine(account)(tx.tx.NewSelect().Model(&p)).Where("public_id = ?", id).Where("entry = ?", entry).Scan(ctx)
	if err != nil {
		return notFound(err, "cue point %s of entry %s", id, entry)
	}
	_, err = cuePoints.update(ctx, tx, account, p.Num, fn)
	return err
}

// DeleteCuePoints deletes all cue points of an entry.
func (tx *Tx) DeleteCuePoints(ctx context.Context, account AccountID, entry EntryID) error {
	_, err := tx.tx.NewUpdate().Table("cue_points").Set("status = ?", CuePointDeleted).Set("deleted_at = ?", micros(tx.now)).
		Where("account = ?", account).Where("entry = ?", entry).Where("deleted_at = 0").Exec(ctx)
	return err
}

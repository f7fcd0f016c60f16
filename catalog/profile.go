package catalog

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/uptrace/bun"
)

// FlavorParams says how to make a flavor. Those of account 0 are the system's, which every account may use; id 0 is the
// source.
type FlavorParams struct {
	bun.BaseModel `bun:"table:flavor_params"`
	Record

	ID          int64  `bun:"id,pk,autoincrement"`
	Name        string `bun:"name"`
	SystemName  string `bun:"system_name"`
	Description string `bun:"description"`
	Tags        string `bun:"tags"` // comma list
	// Format is the container asked for, on the wire's word; what is stored plays in every one.
	Format string `bun:"format"`
	// VideoCodec is h264, hevc, av1 or vp9; empty for sound alone. Profile is h264's.
	VideoCodec string `bun:"video_codec"`
	Profile    string `bun:"profile"`
	VideoRate  int64  `bun:"video_rate"` // highest, bits a second
	Width      int    `bun:"width"`      // 0 follows from the height
	Height     int    `bun:"height"`     // 0 follows from the width; both 0 keep the source's size
	// AudioCodec is aac or opus; empty for none.
	AudioCodec    string `bun:"audio_codec"`
	AudioRate     int64  `bun:"audio_rate"` // bits a second
	AudioChannels int    `bun:"audio_channels"`
	// More keeps what the wire has and nothing here goes by, as JSON.
	More json.RawMessage `bun:"more"`
}

// Source says whether p stands for the original.
func (p FlavorParams) Source() bool { return p.ID == 0 }

var flavorParams = table[FlavorParams, *FlavorParams]{noun: "flavor params", shared: true, fields: fields{
	"id": {"id", kindInt}, "systemName": {"system_name", kindText}, "tags": {"tags", kindText}, "format": {"format", kindText},
	"name": {"name", kindText}, "createdAt": {"created_at", kindTime}, "partnerId": {"account", kindInt},
}}

// FlavorParams returns an account's parameters, or the system's.
func (db *DB) FlavorParams(ctx context.Context, account AccountID, id int64) (FlavorParams, error) {
	return flavorParams.get(ctx, db, account, id)
}

// ListFlavorParams returns a page of the account's and the system's parameters, and how many there are.
func (db *DB) ListFlavorParams(ctx context.Context, account AccountID, q Query) ([]FlavorParams, int, error) {
	return flavorParams.list(ctx, db, account, q)
}

// AddFlavorParams stores new parameters; the database chooses the id.
func (db *DB) AddFlavorParams(ctx context.Context, account AccountID, p FlavorParams) (FlavorParams, error) {
	return flavorParams.insert(ctx, db, account, p)
}

// UpdateFlavorParams changes an account's own parameters by fn.
func (db *DB) UpdateFlavorParams(ctx context.Context, account AccountID, id int64, fn func(*FlavorParams) error) (FlavorParams, error) {
	return flavorParams.update(ctx, db, account, id, fn)
}

// DeleteFlavorParams deletes an account's own parameters; flavors made by them stay, profiles lose them.
func (db *DB) DeleteFlavorParams(ctx context.Context, account AccountID, id int64) error {
	return db.inTx(ctx, durable, func(tx *Tx) error {
		if err := flavorParams.delete(ctx, tx, account, id, nil); err != nil {
			return err
		}
		_, err := tx.tx.NewDelete().Model((*ProfileParams)(nil)).Where("params = ?", id).
			Where("profile IN (SELECT id FROM conversion_profiles WHERE account = ?)", account).Exec(ctx)
		return err
	})
}

// States of a conversion profile, as on the wire.
const (
	ProfileDisabled = 1
	ProfileEnabled  = 2
	ProfileDeleted  = 3
)

// Origins of a profile's flavor, as on the wire: made here, given from outside, or made unless given.
const (
	OriginConvert     = 0
	OriginIngest      = 1
	OriginWhenMissing = 2
)

// ConversionProfile says which flavors an entry gets.
type ConversionProfile struct {
	bun.BaseModel `bun:"table:conversion_profiles"`
	Record

	ID            int64           `bun:"id,pk,autoincrement"`
	Status        int             `bun:"status"`
	Type          int             `bun:"type"` // 1 media, 2 live
	Name          string          `bun:"name"`
	SystemName    string          `bun:"system_name"`
	Description   string          `bun:"description"`
	Tags          string          `bun:"tags"`
	DefaultEntry  string          `bun:"default_entry"`
	Default       bool            `bun:"is_default"` // the account's for its type
	AudioLanguage string          `bun:"audio_language"`
	More          json.RawMessage `bun:"more"`
}

// How a flavor counts for its entry; the values are the wire's.
const (
	ReadyRequired = 1 // the entry waits for it
	ReadyOptional = 2 // the entry is ready without it
)

// ProfileParams is what a profile says of one of its parameters.
type ProfileParams struct {
	bun.BaseModel `bun:"table:profile_params"`

	Profile int64 `bun:"profile,pk"`
	Params  int64 `bun:"params,pk"`
	// Ready is how the flavor counts for the entry: 0 as others do, ReadyRequired or ReadyOptional.
	Ready int `bun:"ready"`
	// Origin is 0 convert, 1 ingest only, 2 convert when not ingested.
	Origin     int             `bun:"origin"`
	SystemName string          `bun:"system_name"`
	More       json.RawMessage `bun:"more"`
}

var conversionProfiles = table[ConversionProfile, *ConversionProfile]{noun: "conversion profile", fields: fields{
	"id": {"id", kindInt}, "status": {"status", kindInt}, "type": {"type", kindInt}, "name": {"name", kindText}, "tags": {"tags", kindText},
	"systemName": {"system_name", kindText}, "defaultEntryId": {"default_entry", kindText}, "createdAt": {"created_at", kindTime},
}}

// ConversionProfile returns an account's profile.
func (db *DB) ConversionProfile(ctx context.Context, account AccountID, id int64) (ConversionProfile, error) {
	return conversionProfiles.get(ctx, db, account, id)
}

// ListConversionProfiles returns a page of an account's profiles, and how many there are.
func (db *DB) ListConversionProfiles(ctx context.Context, account AccountID, q Query) ([]ConversionProfile, int, error) {
	if err := db.ensureProfile(ctx, account); err != nil {
		return nil, 0, err
	}
	return conversionProfiles.list(ctx, db, account, q)
}

// DefaultProfile returns the account's default profile of a type. An account always has one for media: it is made when it is
// first asked for, with the system's ladder.
func (db *DB) DefaultProfile(ctx context.Context, account AccountID, typ int) (ConversionProfile, error) {
	var p ConversionProfile
	find := func() error {
		return conversionProfiles.mine(account)(db.read.NewSelect().Model(&p)).Where("is_default").Where("type = ?", typ).OrderExpr("id").Limit(1).Scan(ctx)
	}
	err := find()
	if errors.Is(err, sql.ErrNoRows) && typ == 1 {
		if err := db.ensureProfile(ctx, account); err != nil {
			return p, err
		}
		err = find()
	}
	if err != nil {
		return p, notFound(err, "default conversion profile of type %d", typ)
	}
	return p, nil
}

// ensureProfile makes the default profile of an account that has none.
func (db *DB) ensureProfile(ctx context.Context, owner AccountID) error {
	has, err := conversionProfiles.mine(owner)(db.read.NewSelect().Model((*ConversionProfile)(nil))).Where("is_default").Where("type = 1").Exists(ctx)
	if err != nil || has {
		return err
	}
	err = db.inTx(ctx, durable, func(tx *Tx) error {
		if _, err := account(ctx, tx.tx, owner); err != nil {
			return err
		}
		var system []FlavorParams
		if err := tx.tx.NewSelect().Model(&system).Where("account = 0").Where("deleted_at = 0").OrderExpr("id").Scan(ctx); err != nil {
			return err
		}
		p, err := conversionProfiles.insert(ctx, tx, owner, ConversionProfile{
			Status: ProfileEnabled, Type: 1, Name: "Default", SystemName: "Default", Description: "The standard ladder", Default: true,
		})
		if err != nil {
			return err
		}
		var rows []ProfileParams
		for _, s := range system {
			rows = append(rows, ProfileParams{Profile: p.ID, Params: s.ID, Ready: readyOf(s)})
		}
		return tx.setProfileParams(ctx, p.ID, rows)
	})
	if uniqueViolation(err) { // another made it
		return nil
	}
	return err
}

// readyOf is the ready behaviour of the system's parameters: the source is what it is, renditions are needed unless the source
// is too small for them.
func readyOf(p FlavorParams) int {
	if p.Source() {
		return 0
	}
	return ReadyOptional
}

// AddConversionProfile stores a new profile with its parameters in order. A default takes the place of the one before.
func (db *DB) AddConversionProfile(ctx context.Context, account AccountID, p ConversionProfile, params []ProfileParams) (ConversionProfile, error) {
	if err := db.ensureProfile(ctx, account); err != nil {
		return p, err
	}
	err := db.inTx(ctx, durable, func(tx *Tx) (err error) {
		if p.Default {
			if err := tx.clearDefaultProfile(ctx, account, p.Type); err != nil {
				return err
			}
		}
		made, err := conversionProfiles.insert(ctx, tx, account, p)
		if err != nil {
			return err
		}
		p = made
		return tx.setProfileParams(ctx, p.ID, params)
	})
	return p, err
}

// UpdateConversionProfile changes a profile by fn; when params is not nil they replace its parameters, keeping what was said
// of those that stay.
func (db *DB) UpdateConversionProfile(ctx context.Context, account AccountID, id int64, params []int64, fn func(*ConversionProfile) error) (p ConversionProfile, err error) {
	err = db.inTx(ctx, durable, func(tx *Tx) (err error) {
		if p, err = conversionProfiles.get(ctx, tx, account, id); err != nil {
			return err
		}
		next := p
		if err := fn(&next); err != nil {
			return err
		}
		if next.Default && !p.Default {
			if err := tx.clearDefaultProfile(ctx, account, p.Type); err != nil {
				return err
			}
		}
		if p, err = conversionProfiles.update(ctx, tx, account, id, func(c *ConversionProfile) error {
			*c = next
			return nil
		}); err != nil || params == nil {
			return err
		}
		old, err := profileParams(ctx, tx.tx, id)
		if err != nil {
			return err
		}
		return tx.setProfileParams(ctx, id, keepParams(id, params, old))
	})
	return p, err
}

// keepParams lists ids as parameters of a profile, with what old says of them.
func keepParams(profile int64, ids []int64, old []ProfileParams) []ProfileParams {
	rows := make([]ProfileParams, 0, len(ids))
	for _, id := range ids {
		row := ProfileParams{Profile: profile, Params: id}
		if i := slices.IndexFunc(old, func(p ProfileParams) bool { return p.Params == id }); i >= 0 {
			row = old[i]
		}
		rows = append(rows, row)
	}
	return rows
}

func (tx *Tx) clearDefaultProfile(ctx context.Context, account AccountID, typ int) error {
	_, err := tx.tx.NewUpdate().Model((*ConversionProfile)(nil)).Set("is_default = ?", false).Where("account = ?", account).
		Where("type = ?", typ).Where("is_default").Exec(ctx)
	return err
}

func (tx *Tx) setProfileParams(ctx context.Context, profile int64, rows []ProfileParams) error {
	if _, err := tx.tx.NewDelete().Model((*ProfileParams)(nil)).Where("profile = ?", profile).Exec(ctx); err != nil {
		return err
	}
	for i := range rows {
		rows[i].Profile = profile
	}
	if len(rows) == 0 {
		return nil
	}
	_, err := tx.tx.NewInsert().Model(&rows).Exec(ctx)
	return err
}

// DeleteConversionProfile deletes a profile that is not the account's default; entries that name it get the default.
func (db *DB) DeleteConversionProfile(ctx context.Context, account AccountID, id int64) error {
	return db.inTx(ctx, durable, func(tx *Tx) error {
		p, err := conversionProfiles.get(ctx, tx, account, id)
		if err != nil {
			return err
		}
		if p.Default {
			return fmt.Errorf("conversion profile %d: %w: it is the account's default", id, ErrConflict)
		}
		return conversionProfiles.delete(ctx, tx, account, id, func(p *ConversionProfile) { p.Status = ProfileDeleted })
	})
}

// ProfileParams returns what an account's profile says of its parameters, in order of their ids.
func (db *DB) ProfileParams(ctx context.Context, account AccountID, profile int64) ([]ProfileParams, error) {
	if _, err := conversionProfiles.get(ctx, db, account, profile); err != nil {
		return nil, err
	}
	return profileParams(ctx, db.read, profile)
}

func profileParams(ctx context.Context, q bun.IDB, profile int64) ([]ProfileParams, error) {
	var rows []ProfileParams
	err := q.NewSelect().Model(&rows).Where("profile = ?", profile).OrderExpr("params").Scan(ctx)
	return rows, err
}

// UpdateProfileParams changes what an account's profile says of one of its parameters.
func (db *DB) UpdateProfileParams(ctx context.Context, account AccountID, profile, params int64, fn func(*ProfileParams) error) (row ProfileParams, err error) {
	err = db.inTx(ctx, durable, func(tx *Tx) error {
		if _, err := conversionProfiles.get(ctx, tx, account, profile); err != nil {
			return err
		}
		row = ProfileParams{}
		if err := tx.tx.NewSelect().Model(&row).Where("profile = ?", profile).Where("params = ?", params).Scan(ctx); err != nil {
			return notFound(err, "params %d of conversion profile %d", params, profile)
		}
		if err := fn(&row); err != nil {
			return err
		}
		row.Profile, row.Params = profile, params
		_, err := tx.tx.NewUpdate().Model(&row).WherePK().Exec(ctx)
		return err
	})
	return row, err
}

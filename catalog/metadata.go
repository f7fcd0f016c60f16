package catalog

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/uptrace/bun"
)

// MetadataProfileStatus and MetadataStatus are states; the values are the wire's.
const (
	MetadataProfileActive     = 1
	MetadataProfileDeprecated = 2

	MetadataValid   = 1
	MetadataInvalid = 2
	MetadataDeleted = 3
)

// MetadataOfEntries is the object type of entries; the values are the wire's.
const MetadataOfEntries = "1"

// MetadataProfile says by an XSD what custom metadata objects of a type have.
type MetadataProfile struct {
	bun.BaseModel `bun:"table:metadata_profiles"`
	Record

	ID         int64  `bun:"id,pk,autoincrement"`
	ObjectType string `bun:"object_type"` // as on the wire
	// Version counts the schemas that the profile had.
	Version     int    `bun:"version"`
	Name        string `bun:"name"`
	SystemName  string `bun:"system_name"`
	Description string `bun:"description"`
	Status      int    `bun:"status"`
	CreateMode  int    `bun:"create_mode"`
	XSD         string `bun:"xsd"`
	FormerXSD   string `bun:"former_xsd"`
	Views       string `bun:"views"`
}

// Bounds of schemas and of values, in bytes.
const (
	maxSchemaBytes   = 1 << 20
	maxMetadataBytes = 64 << 10
)

var metadataProfiles = table[MetadataProfile, *MetadataProfile]{noun: "metadata profile", fields: fields{
	"id": {"id", kindInt}, "partnerId": {"account", kindInt}, "metadataObjectType": {"object_type", kindText}, "version": {"version", kindInt},
	"name": {"name", kindText}, "systemName": {"system_name", kindText}, "status": {"status", kindInt}, "createMode": {"create_mode", kindInt},
	"createdAt": {"created_at", kindTime}, "updatedAt": {"updated_at", kindTime},
}, check: func(p *MetadataProfile) error {
	return firstOf(checkText("name", p.Name, maxNameBytes), checkText("system name", p.SystemName, maxKeyBytes),
		checkText("description", p.Description, maxTextBytes), checkText("schema", p.XSD, maxSchemaBytes), checkText("views", p.Views, maxSchemaBytes))
}}

// AddMetadataProfile stores a new profile; ErrConflict says that the system name is taken.
func (db *DB) AddMetadataProfile(ctx context.Context, account AccountID, p MetadataProfile) (MetadataProfile, error) {
	p.Version, p.Status = 1, MetadataProfileActive
	return metadataProfiles.insert(ctx, db, account, p)
}

// MetadataProfile returns an account's profile.
func (db *DB) MetadataProfile(ctx context.Context, account AccountID, id int64) (MetadataProfile, error) {
	return metadataProfiles.get(ctx, db, account, id)
}

// MetadataProfiles returns a page of an account's profiles, and how many there are.
func (db *DB) MetadataProfiles(ctx context.Context, account AccountID, q Query) ([]MetadataProfile, int, error) {
	return metadataProfiles.list(ctx, db, account, q)
}

// UpdateMetadataProfile changes a profile by fn. Another schema is the next version, and the present one is kept to go back to.
func (db *DB) UpdateMetadataProfile(ctx context.Context, account AccountID, id int64, fn func(*MetadataProfile) error) (MetadataProfile, error) {
	return metadataProfiles.update(ctx, db, account, id, func(p *MetadataProfile) error {
		before := p.XSD
		if err := fn(p); err != nil {
			return err
		}
		if p.XSD != before {
			p.FormerXSD = before
			p.Version++
		}
		return nil
	})
}

// DeleteMetadataProfile deletes a profile with all values of it.
func (db *DB) DeleteMetadataProfile(ctx context.Context, account AccountID, id int64) error {
	return db.inTx(ctx, durable, func(tx *Tx) error {
		if err := metadataProfiles.delete(ctx, tx, account, id, nil); err != nil {
			return err
		}
		_, err := tx.tx.NewUpdate().Table("metadata").Set("deleted_at = ?", micros(tx.now)).Set("status = ?", MetadataDeleted).
			Where("profile = ?", id).Where("account = ?", account).Where("deleted_at = 0").Exec(ctx)
		if err != nil {
			return err
		}
		_, err = tx.tx.NewDelete().Table("metadata_values").Where("profile = ?", id).Exec(ctx)
		return err
	})
}

// Metadata is the values of one profile for one object.
type Metadata struct {
	bun.BaseModel `bun:"table:metadata"`
	Record

	ID             int64  `bun:"id,pk,autoincrement"`
	Profile        int64  `bun:"profile"`
	ProfileVersion int    `bun:"profile_version"`
	ObjectType     string `bun:"object_type"`
	Object         string `bun:"object"`
	// Entry is the object when that is an entry.
	Entry   EntryID `bun:"entry,nullzero"`
	Version int     `bun:"version"`
	Status  int     `bun:"status"`
	XML     string  `bun:"xml"`
}

var metadatas = table[Metadata, *Metadata]{noun: "metadata", fields: fields{
	"id": {"id", kindInt}, "partnerId": {"account", kindInt}, "metadataProfileId": {"profile", kindInt}, "metadataProfileVersion": {"profile_version", kindInt},
	"metadataObjectType": {"object_type", kindText}, "objectId": {"object", kindText}, "version": {"version", kindInt}, "status": {"status", kindInt},
	"createdAt": {"created_at", kindTime}, "updatedAt": {"updated_at", kindTime},
}, check: func(m *Metadata) error {
	if m.ObjectType == MetadataOfEntries {
		m.Entry = EntryID(m.Object)
	}
	return firstOf(checkText("metadata", m.XML, maxMetadataBytes), checkText("object id", m.Object, maxKeyBytes))
}}

// AddMetadata stores values; ErrConflict says that the object has some of the profile.
func (db *DB) AddMetadata(ctx context.Context, account AccountID, m Metadata) (Metadata, error) {
	m.Version, m.Status = 1, MetadataValid
	err := db.inTx(ctx, durable, func(tx *Tx) (err error) {
		m, err = metadatas.insert(ctx, tx, account, m)
		if err != nil {
			return err
		}
		return tx.touch(ctx, m)
	})
	return m, err
}

// EventMetadataChanged says that values of an object were added, changed or deleted: its object is the metadata's id.
const EventMetadataChanged = "metadata.changed"

func (tx *Tx) touch(ctx context.Context, m Metadata) error {
	if err := tx.index(ctx, m); err != nil {
		return err
	}
	return tx.Emit(EventMetadataChanged, m.Account, m.Entry, fmt.Sprint(m.ID), map[string]any{
		"profile": m.Profile, "object_type": m.ObjectType, "object": m.Object, "version": m.Version,
	})
}

// Metadata returns values by their id.
func (db *DB) Metadata(ctx context.Context, account AccountID, id int64) (Metadata, error) {
	return metadatas.get(ctx, db, account, id)
}

// MetadataOf returns an object's values of a profile.
func (db *DB) MetadataOf(ctx context.Context, account AccountID, profile int64, objectType, object string) (Metadata, error) {
	var m Metadata
	err := metadatas.mine(account)(db.read.NewSelect().Model(&m)).Where("profile = ?", profile).Where("object_type = ?", objectType).
		Where("object = ?", object).Scan(ctx)
	if err != nil {
		return Metadata{}, notFound(err, "metadata of %s by profile %d", object, profile)
	}
	return m, nil
}

// Metadatas returns a page of an account's values, and how many there are.
func (db *DB) Metadatas(ctx context.Context, account AccountID, q Query) ([]Metadata, int, error) {
	return metadatas.list(ctx, db, account, q)
}

// UpdateMetadata changes values by fn; other XML is the next version.
func (db *DB) UpdateMetadata(ctx context.Context, account AccountID, id int64, fn func(*Metadata) error) (m Metadata, err error) {
	err = db.inTx(ctx, durable, func(tx *Tx) error {
		m, err = metadatas.update(ctx, tx, account, id, func(m *Metadata) error {
			before := m.XML
			if err := fn(m); err != nil {
				return err
			}
			if m.XML != before {
				m.Version++
			}
			return nil
		})
		if err != nil {
			return err
		}
		return tx.touch(ctx, m)
	})
	return m, err
}

// SetMetadata gives an object values of a profile, whether it has some or not.
func (tx *Tx) SetMetadata(ctx context.Context, account AccountID, m Metadata) error {
	old := tx.tx.NewSelect().Table("metadata").Column("id").Where("account = ?", account).Where("profile = ?", m.Profile).
		Where("object_type = ?", m.ObjectType).Where("object = ?", m.Object).Where("deleted_at = 0")
	var id int64
	err := old.Scan(ctx, &id)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		m.Version, m.Status = 1, MetadataValid
		m, err = metadatas.insert(ctx, tx, account, m)
	case err == nil:
		m, err = metadatas.update(ctx, tx, account, id, func(row *Metadata) error {
			if row.XML != m.XML {
				row.Version++
			}
			row.XML, row.ProfileVersion, row.Status = m.XML, m.ProfileVersion, MetadataValid
			return nil
		})
	}
	if err != nil {
		return err
	}
	return tx.touch(ctx, m)
}

// DeleteMetadata deletes values.
func (db *DB) DeleteMetadata(ctx context.Context, account AccountID, id int64) error {
	return db.inTx(ctx, durable, func(tx *Tx) error {
		m, err := metadatas.get(ctx, tx, account, id)
		if err != nil {
			return err
		}
		if err := metadatas.delete(ctx, tx, account, id, func(m *Metadata) { m.Status = MetadataDeleted }); err != nil {
			return err
		}
		m.XML = ""
		return tx.touch(ctx, m)
	})
}

// InvalidateMetadata marks the values of a profile's former versions as not valid any more, and reports how many.
func (db *DB) InvalidateMetadata(ctx context.Context, account AccountID, profile int64, below int) (n int64, err error) {
	err = db.inTx(ctx, durable, func(tx *Tx) error {
		res, err := tx.tx.NewUpdate().Table("metadata").Set("status = ?", MetadataInvalid).Where("account = ?", account).
			Where("profile = ?", profile).Where("profile_version < ?", below).Where("deleted_at = 0").Exec(ctx)
		if err != nil {
			return err
		}
		n, err = res.RowsAffected()
		return err
	})
	return n, err
}

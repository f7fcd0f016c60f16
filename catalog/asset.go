package catalog

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"

	"github.com/uptrace/bun"
)

type assetRow struct {
	bun.BaseModel `bun:"table:assets"`

	Num       int64       `bun:"num,pk,autoincrement"`
	ID        AssetID     `bun:"id"`
	Entry     EntryID     `bun:"entry"`
	Account   AccountID   `bun:"account"`
	Type      AssetType   `bun:"type"`
	Status    AssetStatus `bun:"status"`
	Version   int         `bun:"version"`
	Name      string      `bun:"name"`
	Original  bool        `bun:"original"`
	Revision  int         `bun:"revision"`
	Key       string      `bun:"key"`
	IndexKey  string      `bun:"index_key"`
	Parts     string      `bun:"parts"`
	Size      int64       `bun:"size"`
	SHA256    string      `bun:"sha256"`
	Container string      `bun:"container"`
	Codec     string      `bun:"codec"`
	Kind      string      `bun:"kind"`
	Width     int         `bun:"width"`
	Height    int         `bun:"height"`
	FrameRate float64     `bun:"frame_rate"`
	BitRate   int64       `bun:"bit_rate"`
	Language  string      `bun:"language"`
	Title     string      `bun:"title"`
	Default   bool        `bun:"is_default"`
	Props     string      `bun:"props"`
	ParamsID  int64       `bun:"params_id"`
	Details   string      `bun:"details"`
	ErrorText string      `bun:"error_text"`
	CreatedAt int64       `bun:"created_at"`
	UpdatedAt int64       `bun:"updated_at"`
	DeletedAt int64       `bun:"deleted_at"`
}

func (r *assetRow) asset() Asset {
	var parts []Part
	if r.Parts != "" {
		_ = json.Unmarshal([]byte(r.Parts), &parts) // written by fill
	}
	var details AssetDetails
	if r.Details != "" {
		_ = json.Unmarshal([]byte(r.Details), &details) // written by fill
	}
	return Asset{
		ParamsID: r.ParamsID, Details: details,
		ID: r.ID, Entry: r.Entry, Account: r.Account, Type: r.Type, Status: r.Status, Version: r.Version, Name: r.Name,
		Original: r.Original, Revision: r.Revision, Key: r.Key, IndexKey: r.IndexKey, Parts: parts, Size: r.Size, SHA256: r.SHA256,
		Container: r.Container, Codec: r.Codec, Kind: r.Kind, Width: r.Width, Height: r.Height, FrameRate: r.FrameRate,
		BitRate: r.BitRate, Language: r.Language, Title: r.Title, Default: r.Default, Props: decode(r.Props),
		ErrorText: r.ErrorText, CreatedAt: fromMicros(r.CreatedAt), UpdatedAt: fromMicros(r.UpdatedAt),
		DeletedAt: fromMicros(r.DeletedAt),
	}
}

// fill sets the row from a, or says what about a cannot be stored.
func (r *assetRow) fill(a Asset) error {
	parts := ""
	if len(a.Parts) > 0 {
		b, err := json.Marshal(a.Parts)
		if err != nil {
			return err
		}
		parts = string(b)
	}
	props, err := encode(a.Props)
	if err != nil {
		return fmt.Errorf("props: %w", err)
	}
	details := ""
	if !reflect.ValueOf(a.Details).IsZero() {
		if details, err = encode(a.Details); err != nil {
			return fmt.Errorf("details: %w", err)
		}
	}
	for _, t := range []struct {
		what, text string
		limit      int
	}{
		{"details", details, maxTextBytes},
		{"name", a.Name, maxKeyBytes}, {"key", a.Key, maxTextBytes}, {"index key", a.IndexKey, maxTextBytes},
		{"title", a.Title, maxTextBytes}, {"language", a.Language, maxKeyBytes}, {"codec", a.Codec, maxKeyBytes},
		{"container", a.Container, maxKeyBytes}, {"kind", a.Kind, maxKeyBytes}, {"sha256", a.SHA256, maxKeyBytes},
	} {
		if err := checkText(t.what, t.text, t.limit); err != nil {
			return err
		}
	}
	*r = assetRow{
		Num: r.Num, ID: a.ID, Entry: a.Entry, Account: a.Account, Type: a.Type, Status: a.Status, Version: a.Version,
		Name: a.Name, Original: a.Original, Revision: a.Revision, Key: a.Key, IndexKey: a.IndexKey, Parts: parts, Size: a.Size, SHA256: a.SHA256,
		Container: a.Container, Codec: a.Codec, Kind: a.Kind, Width: a.Width, Height: a.Height, FrameRate: a.FrameRate,
		BitRate: a.BitRate, Language: a.Language, Title: a.Title, Default: a.Default, Props: props, ParamsID: a.ParamsID, Details: details,
		ErrorText: reason(a.ErrorText), CreatedAt: micros(a.CreatedAt), UpdatedAt: micros(a.UpdatedAt),
		DeletedAt: micros(a.DeletedAt),
	}
	return nil
}

// AddAssets adds assets to an entry. Entry and Account are set, an empty ID gets one, Version 0 means the entry's; a name
// that the entry's version already has is ErrConflict, as is a deleted entry.
func (db *DB) AddAssets(ctx context.Context, entry EntryID, assets []Asset) ([]Asset, error) {
	var out []Asset
	err := db.inTx(ctx, durable, func(tx *Tx) (err error) {
		out, err = tx.AddAssets(ctx, entry, assets)
		return err
	})
	return out, err
}

// AddAssets is DB.AddAssets inside a transaction.
func (tx *Tx) AddAssets(ctx context.Context, entry EntryID, assets []Asset) ([]Asset, error) {
	row, err := tx.openEntry(ctx, entry)
	if err != nil {
		return nil, err
	}
	return tx.addAssets(ctx, row, assets)
}

// openEntry locks an entry to add something to it.
func (tx *Tx) openEntry(ctx context.Context, id EntryID) (*entryRow, error) {
	if err := tx.lockEntries(ctx, id); err != nil {
		return nil, fmt.Errorf("entry %s: %w", id, err)
	}
	row, err := entryByID(ctx, tx.tx, id)
	if err != nil {
		return nil, err
	}
	if row.Status == EntryDeleted {
		return nil, fmt.Errorf("entry %s: %w: it is deleted", id, ErrConflict)
	}
	return row, nil
}

func (tx *Tx) addAssets(ctx context.Context, entry *entryRow, assets []Asset) ([]Asset, error) {
	if len(assets) == 0 {
		return nil, nil
	}
	rows, err := tx.assetRows(nil, entry, assets)
	if err != nil {
		return nil, err
	}
	if err := tx.insertAssets(ctx, rows); err != nil {
		return nil, fmt.Errorf("add assets to entry %s: %w", entry.ID, err)
	}
	out := make([]Asset, len(rows))
	for i := range rows {
		out[i] = rows[i].asset()
	}
	return out, nil
}

// assetRows appends the rows of an entry's new assets.
func (tx *Tx) assetRows(rows []assetRow, entry *entryRow, assets []Asset) ([]assetRow, error) {
	for _, a := range assets {
		if a.ID == "" {
			a.ID = NewAssetID()
		} else if err := checkID(string(a.ID)); err != nil {
			return nil, fmt.Errorf("asset %q: %w", a.Name, err)
		}
		if a.Version == 0 {
			a.Version = entry.Version
		}
		a.Entry, a.Account, a.CreatedAt, a.UpdatedAt = entry.ID, entry.Account, tx.now, tx.now
		var row assetRow
		if err := row.fill(a); err != nil {
			return nil, fmt.Errorf("asset %q: %w", a.Name, err)
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// insertAssets stores new rows, of one entry or of many, and tells of those that are ready.
func (tx *Tx) insertAssets(ctx context.Context, rows []assetRow) error {
	err := tx.guard(ctx, func() error {
		_, err := tx.tx.NewInsert().Model(&rows).Returning("num").Exec(ctx)
		return err
	})
	if uniqueViolation(err) {
		return fmt.Errorf("%w: an asset's name or id is taken: %w", ErrConflict, err)
	}
	if err != nil {
		return err
	}
	for i := range rows {
		if rows[i].Status == AssetReady {
			if err := tx.emitAsset(EventAssetReady, rows[i].asset()); err != nil {
				return err
			}
		}
	}
	return nil
}

// Assets returns the assets of an entry that are not deleted, in the order they were made; of some types or of all.
func (db *DB) Assets(ctx context.Context, entry EntryID, types ...AssetType) ([]Asset, error) {
	return assets(ctx, db.read, entry, types)
}

// Assets is DB.Assets as the transaction sees it.
func (tx *Tx) Assets(ctx context.Context, entry EntryID, types ...AssetType) ([]Asset, error) {
	return assets(ctx, tx.tx, entry, types)
}

func assets(ctx context.Context, q bun.IDB, entry EntryID, types []AssetType) ([]Asset, error) {
	var rows []assetRow
	sel := q.NewSelect().Model(&rows).Where("entry = ?", entry).Where("deleted_at = 0").Order("num")
	if len(types) > 0 {
		sel = sel.Where("type IN (?)", bun.List(types))
	}
	if err := sel.Scan(ctx); err != nil {
		return nil, fmt.Errorf("assets of entry %s: %w", entry, err)
	}
	out := make([]Asset, len(rows))
	for i := range rows {
		out[i] = rows[i].asset()
	}
	return out, nil
}

// Asset returns an asset, also when it is deleted.
func (db *DB) Asset(ctx context.Context, id AssetID) (Asset, error) {
	row, err := assetByID(ctx, db.read, id)
	if err != nil {
		return Asset{}, err
	}
	return row.asset(), nil
}

// Asset is DB.Asset as the transaction sees it.
func (tx *Tx) Asset(ctx context.Context, id AssetID) (Asset, error) {
	row, err := assetByID(ctx, tx.tx, id)
	if err != nil {
		return Asset{}, err
	}
	return row.asset(), nil
}

func assetByID(ctx context.Context, q bun.IDB, id AssetID) (*assetRow, error) {
	var row assetRow
	if err := q.NewSelect().Model(&row).Where("id = ?", id).Scan(ctx); err != nil {
		return nil, notFound(err, "asset %s", id)
	}
	return &row, nil
}

// UpdateAsset changes an asset by fn and writes asset.ready when it became ready. Fn sees the newest state, may run
// several times, and cannot change ids, the account or CreatedAt.
func (db *DB) UpdateAsset(ctx context.Context, id AssetID, fn func(a *Asset) error) error {
	return db.inTx(ctx, durable, func(tx *Tx) error { return tx.UpdateAsset(ctx, id, fn) })
}

// UpdateAsset is DB.UpdateAsset inside a transaction.
func (tx *Tx) UpdateAsset(ctx context.Context, id AssetID, fn func(a *Asset) error) error {
	row, err := assetByID(ctx, tx.tx, id)
	if err != nil {
		return err
	}
	if tx.db.postgres {
		// An asset changes under the lock of its entry; read it again now that it holds still.
		if err := tx.lockEntries(ctx, row.Entry); err != nil {
			return fmt.Errorf("asset %s: %w", id, err)
		}
		if row, err = assetByID(ctx, tx.tx, id); err != nil {
			return err
		}
	}
	if err := tx.changeAsset(ctx, row, fn); err != nil {
		return fmt.Errorf("asset %s: %w", id, err)
	}
	return nil
}

func (tx *Tx) changeAsset(ctx context.Context, row *assetRow, fn func(a *Asset) error) error {
	old, a := row.asset(), row.asset()
	if err := fn(&a); err != nil {
		return err
	}
	a.ID, a.Entry, a.Account, a.CreatedAt, a.UpdatedAt = old.ID, old.Entry, old.Account, old.CreatedAt, old.UpdatedAt
	if reflect.DeepEqual(old, a) {
		return nil
	}
	a.UpdatedAt = tx.now
	if err := row.fill(a); err != nil {
		return err
	}
	err := tx.guard(ctx, func() error {
		_, err := tx.tx.NewUpdate().Model(row).WherePK().Exec(ctx)
		return err
	})
	if err != nil {
		if uniqueViolation(err) {
			err = fmt.Errorf("%w: the name is taken: %w", ErrConflict, err)
		}
		return err
	}
	switch a = row.asset(); {
	case a.Status == old.Status:
	case a.Status == AssetReady:
		return tx.emitAsset(EventAssetReady, a)
	case a.Status == AssetDeleted:
		return tx.emitAsset(EventAssetDeleted, a)
	}
	return nil
}

// DeleteAsset marks an asset deleted and writes asset.deleted; its name is free again. Deleting it again does nothing.
// The caller deletes the objects.
func (db *DB) DeleteAsset(ctx context.Context, id AssetID) error {
	return db.inTx(ctx, durable, func(tx *Tx) error { return tx.DeleteAsset(ctx, id) })
}

// DeleteAsset is DB.DeleteAsset inside a transaction.
func (tx *Tx) DeleteAsset(ctx context.Context, id AssetID) error {
	return tx.UpdateAsset(ctx, id, func(a *Asset) error {
		if a.Status != AssetDeleted {
			a.Status, a.DeletedAt = AssetDeleted, tx.now
		}
		return nil
	})
}

func (tx *Tx) emitAsset(name string, a Asset) error {
	return tx.Emit(name, a.Account, a.Entry, string(a.ID), struct {
		Type    AssetType   `json:"type"`
		Name    string      `json:"name"`
		Version int         `json:"version"`
		Status  AssetStatus `json:"status"`
	}{a.Type, a.Name, a.Version, a.Status})
}

// SwapOriginal makes an asset the original of its entry's version, and a flavor by the asset's parameters of the one before.
func (db *DB) SwapOriginal(ctx context.Context, entry EntryID, asset AssetID) error {
	return db.inTx(ctx, durable, func(tx *Tx) error {
		next, err := tx.Asset(ctx, asset)
		if err != nil {
			return err
		}
		list, err := tx.Assets(ctx, entry, AssetFlavor)
		if err != nil {
			return err
		}
		for _, old := range list {
			if !old.Original || old.Version != next.Version {
				continue
			}
			err := tx.UpdateAsset(ctx, old.ID, func(a *Asset) error {
				a.Original, a.ParamsID, a.Name = false, next.ParamsID, "was-source-"+string(a.ID)
				return nil
			})
			if err != nil {
				return err
			}
		}
		return tx.UpdateAsset(ctx, asset, func(a *Asset) error {
			a.Original, a.ParamsID, a.Name = true, 0, "source"
			return nil
		})
	})
}

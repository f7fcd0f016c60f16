package catalog

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"
)

// GatewayRight is something that a user of the gateways may do. Everybody may list.
type GatewayRight string

// Rights: to download; to upload, rename and make folders; to remove.
const (
	GatewayRead   GatewayRight = "read"
	GatewayWrite  GatewayRight = "write"
	GatewayDelete GatewayRight = "delete"
)

// GatewayUser is a name under which files are brought to an account's local drop folders, by SFTP or FTP. It is no user of the
// API.
type GatewayUser struct {
	bun.BaseModel `bun:"table:gateway_users"`
	Record

	ID int64 `bun:"id,pk,autoincrement"`
	// Name is one of a kind among all accounts, in lower case.
	Name string `bun:"name"`
	// PasswordHash is in PHC's form; "" lets nobody in by password.
	PasswordHash string `bun:"password_hash"`
	// Keys are lines of an authorized_keys file.
	Keys []string `bun:"keys"`
	// Folders are those that the user sees; none means every local folder of the account.
	Folders []DropFolderID `bun:"folders"`
	Rights  []GatewayRight `bun:"rights"`
	// Rate bounds the bytes a second of all the user's connections to a server; 0 is no bound.
	Rate    int64 `bun:"rate"`
	Blocked bool  `bun:"blocked"`
	// SeenAt is when the user last came in.
	SeenAt Stamp `bun:"seen_at"`
}

// May says whether the user has a right.
func (u GatewayUser) May(r GatewayRight) bool { return slices.Contains(u.Rights, r) }

// Bounds of a gateway user.
const (
	maxGatewayKeys    = 100
	maxGatewayFolders = 1000
)

var gatewayName = regexp.MustCompile(`^[a-z0-9][a-z0-9._@-]{0,63}$`)

var gatewayUsers = table[GatewayUser, *GatewayUser]{
	noun: "gateway user",
	fields: fields{
		"id": {"id", kindInt}, "partnerId": {"account", kindInt}, "name": {"name", kindText}, "createdAt": {"created_at", kindTime},
		"updatedAt": {"updated_at", kindTime},
	},
	check: func(u *GatewayUser) error {
		u.Name = strings.ToLower(u.Name)
		// A nil list would be NULL.
		u.Keys, u.Folders, u.Rights = append([]string{}, u.Keys...), append([]DropFolderID{}, u.Folders...), append([]GatewayRight{}, u.Rights...)
		switch {
		case !gatewayName.MatchString(u.Name):
			return fmt.Errorf("%w: a gateway user's name is up to 64 letters, digits and . _ @ -, which %.80q is not", ErrInvalid, u.Name)
		case len(u.Keys) > maxGatewayKeys:
			return fmt.Errorf("%w: a gateway user has up to %d keys", ErrInvalid, maxGatewayKeys)
		case len(u.Folders) > maxGatewayFolders:
			return fmt.Errorf("%w: a gateway user has up to %d folders", ErrInvalid, maxGatewayFolders)
		case u.Rate < 0:
			return fmt.Errorf("%w: rate %d", ErrInvalid, u.Rate)
		}
		for _, r := range u.Rights {
			if r != GatewayRead && r != GatewayWrite && r != GatewayDelete {
				return fmt.Errorf("%w: no right %.20q: there are read, write and delete", ErrInvalid, r)
			}
		}
		for _, k := range u.Keys {
			if err := checkText("key", k, maxTextBytes); err != nil {
				return err
			}
		}
		return checkText("password hash", u.PasswordHash, maxKeyBytes)
	},
}

// AddGatewayUser stores a new user. A name that is taken, by whatever account, is ErrConflict.
func (db *DB) AddGatewayUser(ctx context.Context, a AccountID, u GatewayUser) (GatewayUser, error) {
	u.ID = 0
	return gatewayUsers.insert(ctx, db, a, u)
}

// GatewayUsers returns a page of an account's users and how many there are on all pages. Fields: id, partnerId, name, createdAt,
// updatedAt.
func (db *DB) GatewayUsers(ctx context.Context, a AccountID, q Query) ([]GatewayUser, int, error) {
	return gatewayUsers.list(ctx, db, a, q)
}

// GatewayUser returns a user of an account by name.
func (db *DB) GatewayUser(ctx context.Context, a AccountID, name string) (GatewayUser, error) {
	u, err := db.gatewayUser(ctx, db.read.NewSelect().Where("account = ?", a), name)
	if err != nil {
		return GatewayUser{}, err
	}
	return u, nil
}

// GatewayLogin returns the user of that name whose account is active, for whoever claims to be it.
func (db *DB) GatewayLogin(ctx context.Context, name string) (GatewayUser, error) {
	active := db.read.NewSelect().Where("account IN (SELECT id FROM accounts WHERE status = ?)", AccountActive).Where("NOT blocked")
	return db.gatewayUser(ctx, active, name)
}

func (db *DB) gatewayUser(ctx context.Context, q *bun.SelectQuery, name string) (GatewayUser, error) {
	var u GatewayUser
	if err := q.Model(&u).Where("name = ?", strings.ToLower(name)).Where("deleted_at = 0").Scan(ctx); err != nil {
		return GatewayUser{}, notFound(err, "gateway user %.80q", name)
	}
	return u, nil
}

// UpdateGatewayUser changes a user by fn.
func (db *DB) UpdateGatewayUser(ctx context.Context, a AccountID, id int64, fn func(*GatewayUser) error) (GatewayUser, error) {
	return gatewayUsers.update(ctx, db, a, id, fn)
}

// DeleteGatewayUser deletes a user; the name is free again.
func (db *DB) DeleteGatewayUser(ctx context.Context, a AccountID, id int64) error {
	return gatewayUsers.delete(ctx, db, a, id, nil)
}

// SeenGatewayUser records that a user came in, which is no update of it.
func (db *DB) SeenGatewayUser(ctx context.Context, id int64, at time.Time) error {
	return db.inTx(ctx, lazy, func(tx *Tx) error {
		_, err := tx.tx.NewUpdate().Table("gateway_users").Set("seen_at = ?", StampOf(at)).Where("id = ?", id).Exec(ctx)
		return err
	})
}

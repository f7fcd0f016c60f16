package catalog

import (
	"context"
	"errors"
	"fmt"

	"github.com/uptrace/bun"
)

// UserStatus is the state of a user; the values are the wire's.
type UserStatus int

// States of a user.
const (
	UserBlocked UserStatus = 0
	UserActive  UserStatus = 1
	UserDeleted UserStatus = 2
)

// User is someone that an account knows by an id of its own.
type User struct {
	bun.BaseModel `bun:"table:users"`
	Record

	Num          int64       `bun:"num,pk,autoincrement"`
	ID           string      `bun:"id"`
	Status       UserStatus  `bun:"status"`
	StatusAt     Stamp       `bun:"status_at"`
	Type         int         `bun:"type"`
	Admin        bool        `bun:"admin"`
	Role         int64       `bun:"role"`  // of sessions that start by logging in; 0 for none
	Login        string      `bun:"login"` // what the user logs in with
	LoginEnabled bool        `bun:"login_enabled"`
	Password     string      `bun:"password"` // a hash; how it is made is the business of who sets it
	LoginAt      Stamp       `bun:"login_at"`
	ScreenName   string      `bun:"screen_name"`
	FirstName    string      `bun:"first_name"`
	LastName     string      `bun:"last_name"`
	Email        string      `bun:"email"`
	Tags         string      `bun:"tags"`
	Details      UserDetails `bun:"details"`
}

// UserDetails are what nobody looks for.
type UserDetails struct {
	FullName     string `json:"full_name,omitempty"`
	DateOfBirth  int64  `json:"date_of_birth,omitempty"`
	Gender       int    `json:"gender,omitempty"`
	Country      string `json:"country,omitempty"`
	State        string `json:"state,omitempty"`
	City         string `json:"city,omitempty"`
	Zip          string `json:"zip,omitempty"`
	ThumbnailURL string `json:"thumbnail_url,omitempty"`
	Description  string `json:"description,omitempty"`
	AdminTags    string `json:"admin_tags,omitempty"`
	Data         string `json:"data,omitempty"`
	Language     string `json:"language,omitempty"`
	Title        string `json:"title,omitempty"`
	Company      string `json:"company,omitempty"`
	ExternalID   string `json:"external_id,omitempty"`
	Privileges   string `json:"privileges,omitempty"` // of sessions that start by logging in
}

var users = table[User, *User]{
	noun: "user",
	fields: fields{
		"id": {"id", kindText}, "partnerId": {"account", kindInt}, "status": {"status", kindInt}, "type": {"type", kindInt},
		"isAdmin": {"admin", kindBool}, "screenName": {"screen_name", kindText}, "firstName": {"first_name", kindText},
		"lastName": {"last_name", kindText}, "email": {"email", kindText}, "tags": {"tags", kindCSV},
		"loginEnabled": {"login_enabled", kindBool}, "roleId": {"role", kindInt}, "createdAt": {"created_at", kindTime},
		"updatedAt": {"updated_at", kindTime},
	},
	check: func(u *User) error {
		if u.ID == "" {
			return fmt.Errorf("%w: a user needs an id", ErrInvalid)
		}
		d := &u.Details
		for _, text := range []string{
			d.FullName, d.Country, d.State, d.City, d.Zip, d.ThumbnailURL, d.Description, d.AdminTags, d.Data, d.Language, d.Title,
			d.Company, d.ExternalID, d.Privileges, u.ScreenName, u.FirstName, u.LastName, u.Email, u.Tags,
		} {
			if err := checkText("a field of user "+reason(u.ID), text, maxReasonBytes); err != nil {
				return err
			}
		}
		return firstOf(checkText("user id", u.ID, maxUserBytes), checkText("login", u.Login, maxUserBytes))
	},
}

// maxUserBytes bounds the id of a user, in bytes: a hundred letters of any script.
const maxUserBytes = 400

// AddUser stores a new user; ErrConflict says that the id or the login is taken.
func (db *DB) AddUser(ctx context.Context, a AccountID, u User) (User, error) {
	return users.insert(ctx, db, a, u)
}

// EnsureUser returns a user, and makes it when there is none: owners of entries come to be by being named.
func (db *DB) EnsureUser(ctx context.Context, a AccountID, id string) (User, error) {
	if err := checkText("user id", id, maxUserBytes); err != nil {
		return User{}, err
	}
	u, err := db.User(ctx, a, id)
	if !errors.Is(err, ErrNotFound) {
		return u, err
	}
	u, err = db.AddUser(ctx, a, User{ID: id, Status: UserActive, ScreenName: id})
	if errors.Is(err, ErrConflict) { // someone else was faster
		return db.User(ctx, a, id)
	}
	return u, err
}

// EnsureUser is DB.EnsureUser inside a transaction.
func (tx *Tx) EnsureUser(ctx context.Context, a AccountID, id string) error {
	_, err := users.get(ctx, tx, a, id)
	if errors.Is(err, ErrNotFound) {
		_, err = tx.AddUser(ctx, a, User{ID: id, Status: UserActive, ScreenName: id})
	}
	if errors.Is(err, ErrConflict) { // someone else was faster
		return nil
	}
	return err
}

// AddUser is DB.AddUser inside a transaction.
func (tx *Tx) AddUser(ctx context.Context, a AccountID, u User) (User, error) {
	return users.insert(ctx, tx, a, u)
}

// User returns a user.
func (db *DB) User(ctx context.Context, a AccountID, id string) (User, error) {
	return users.get(ctx, db, a, id)
}

// UsersByLogin returns up to limit users that log in with login, those who did so last first. Without an account, 0, they
// are those of all accounts: who logs in need not say to which.
func (db *DB) UsersByLogin(ctx context.Context, login string, a AccountID, limit int) ([]User, error) {
	var out []User
	q := db.read.NewSelect().Model(&out).Where("login = ?", login).Where("login_enabled").Where("deleted_at = 0")
	if a != 0 {
		q = q.Where("account = ?", a)
	}
	if err := q.Order("login_at DESC", "num").Limit(int64(limit)).Scan(ctx); err != nil {
		return nil, fmt.Errorf("users by login: %w", err)
	}
	return out, nil
}

// Users returns a page of users and how many there are on all pages.
func (db *DB) Users(ctx context.Context, a AccountID, q Query) ([]User, int, error) {
	return users.list(ctx, db, a, q)
}

// UpdateUser changes a user by fn.
func (db *DB) UpdateUser(ctx context.Context, a AccountID, id string, fn func(*User) error) (User, error) {
	return users.update(ctx, db, a, id, fn)
}

// UpdateUser is DB.UpdateUser inside a transaction.
func (tx *Tx) UpdateUser(ctx context.Context, a AccountID, id string, fn func(*User) error) (User, error) {
	return users.update(ctx, tx, a, id, fn)
}

// DeleteUser deletes a user, who is a member of no category any more. Its entries stay.
func (db *DB) DeleteUser(ctx context.Context, a AccountID, id string) error {
	return db.inTx(ctx, durable, func(tx *Tx) error { return tx.DeleteUser(ctx, a, id) })
}

// DeleteUser is DB.DeleteUser inside a transaction.
func (tx *Tx) DeleteUser(ctx context.Context, a AccountID, id string) error {
	if err := users.delete(ctx, tx, a, id, func(u *User) { u.Status = UserDeleted }); err != nil {
		return err
	}
	_, err := tx.tx.NewDelete().Table("category_users").Where("account = ?", a).Where("user_id = ?", id).Exec(ctx)
	return err
}

-- +goose Up
CREATE TABLE categories (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    account      INTEGER NOT NULL REFERENCES accounts (id),
    parent       INTEGER NOT NULL,
    depth        INTEGER NOT NULL,
    name         TEXT    NOT NULL,
    full_name    TEXT    NOT NULL,
    full_folded  TEXT    NOT NULL,
    full_ids     TEXT    NOT NULL,
    status       INTEGER NOT NULL,
    description  TEXT    NOT NULL,
    tags         TEXT    NOT NULL,
    reference_id TEXT    NOT NULL,
    owner        TEXT    NOT NULL,
    sort_value   INTEGER NOT NULL,
    more         TEXT,
    created_at   INTEGER NOT NULL,
    updated_at   INTEGER NOT NULL,
    deleted_at   INTEGER NOT NULL
);
CREATE UNIQUE INDEX categories_full_name ON categories (account, full_folded) WHERE deleted_at = 0;
CREATE INDEX categories_account ON categories (account, id) WHERE deleted_at = 0;
CREATE INDEX categories_parent ON categories (account, parent) WHERE deleted_at = 0;
CREATE INDEX categories_reference ON categories (account, reference_id) WHERE deleted_at = 0 AND reference_id <> '';
CREATE INDEX categories_updating ON categories (id) WHERE status = 1;

CREATE TABLE category_entries (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    account    INTEGER NOT NULL,
    category   INTEGER NOT NULL REFERENCES categories (id) ON DELETE CASCADE,
    entry      TEXT    NOT NULL REFERENCES entries (id) ON DELETE CASCADE,
    status     INTEGER NOT NULL,
    user_id    TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    deleted_at INTEGER NOT NULL
);
CREATE UNIQUE INDEX category_entries_pair ON category_entries (category, entry);
CREATE INDEX category_entries_entry ON category_entries (entry);

-- +goose Up
CREATE TABLE gateway_users (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    account       INTEGER NOT NULL REFERENCES accounts (id),
    name          TEXT    NOT NULL,
    password_hash TEXT    NOT NULL,
    keys          TEXT    NOT NULL,
    folders       TEXT    NOT NULL,
    rights        TEXT    NOT NULL,
    rate          INTEGER NOT NULL,
    blocked       BOOLEAN NOT NULL,
    seen_at       INTEGER NOT NULL,
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL,
    deleted_at    INTEGER NOT NULL
);
CREATE INDEX gateway_users_account ON gateway_users (account, created_at, id);
-- The name alone says who logs in, so no two accounts may have the same.
CREATE UNIQUE INDEX gateway_users_name ON gateway_users (name) WHERE deleted_at = 0;

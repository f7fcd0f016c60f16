-- +goose Up
CREATE TABLE access_controls (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    account     INTEGER NOT NULL REFERENCES accounts (id),
    name        TEXT NOT NULL,
    system_name TEXT NOT NULL,
    description TEXT NOT NULL,
    is_default  BOOLEAN NOT NULL,
    rules       TEXT NOT NULL,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    deleted_at  INTEGER NOT NULL
);
CREATE INDEX access_controls_account ON access_controls (account, created_at, id);
CREATE UNIQUE INDEX access_controls_default ON access_controls (account) WHERE is_default AND deleted_at = 0;
CREATE UNIQUE INDEX access_controls_system_name ON access_controls (account, system_name) WHERE system_name <> '' AND deleted_at = 0;

INSERT INTO access_controls (account, name, system_name, description, is_default, rules, created_at, updated_at, deleted_at)
SELECT id, 'Default', '', '', TRUE, '[]', CAST(strftime('%s', 'now') AS INTEGER) * 1000000, CAST(strftime('%s', 'now') AS INTEGER) * 1000000, 0 FROM accounts;

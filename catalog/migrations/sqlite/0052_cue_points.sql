-- +goose Up
CREATE TABLE cue_points (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    public_id    TEXT NOT NULL UNIQUE,
    account      INTEGER NOT NULL,
    entry        TEXT NOT NULL REFERENCES entries (id) ON DELETE CASCADE,
    type         TEXT NOT NULL,
    status       INTEGER NOT NULL,
    start_ms     INTEGER NOT NULL,
    end_ms       INTEGER NOT NULL,
    triggered_at INTEGER NOT NULL,
    user_id      TEXT NOT NULL,
    tags         TEXT NOT NULL,
    system_name  TEXT NOT NULL,
    parent       TEXT NOT NULL,
    sort_value   INTEGER NOT NULL,
    more         TEXT,
    created_at   INTEGER NOT NULL,
    updated_at   INTEGER NOT NULL,
    deleted_at   INTEGER NOT NULL
);
CREATE INDEX cue_points_entry ON cue_points (entry, start_ms) WHERE deleted_at = 0;
CREATE INDEX cue_points_account ON cue_points (account, id) WHERE deleted_at = 0;

CREATE TABLE response_profiles (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    account     INTEGER NOT NULL,
    name        TEXT NOT NULL,
    system_name TEXT NOT NULL,
    status      INTEGER NOT NULL,
    version     INTEGER NOT NULL,
    body        TEXT,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    deleted_at  INTEGER NOT NULL
);
CREATE UNIQUE INDEX response_profiles_system_name ON response_profiles (account, system_name) WHERE deleted_at = 0 AND system_name <> '';

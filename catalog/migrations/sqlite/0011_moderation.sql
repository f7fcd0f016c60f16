-- +goose Up
CREATE TABLE moderation_flags (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    account    INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    deleted_at INTEGER NOT NULL,
    entry      TEXT    NOT NULL REFERENCES entries (id) ON DELETE CASCADE,
    flagged_by TEXT    NOT NULL,
    kind       INTEGER NOT NULL,
    status     INTEGER NOT NULL,
    comments   TEXT    NOT NULL
);
CREATE INDEX moderation_flags_entry ON moderation_flags (entry, id);

-- +goose Up
ALTER TABLE assets ADD COLUMN revision INTEGER NOT NULL DEFAULT 0;

-- asset is what the task makes: when the task dies, the asset fails with it, and not the entry.
ALTER TABLE tasks ADD COLUMN asset TEXT NOT NULL DEFAULT '';
CREATE INDEX tasks_asset ON tasks (asset) WHERE asset <> '';

-- extents are the ranges of the file that are on disk, as JSON [[from, to], …]; generation counts the files that were begun.
-- arrival is what happens to the file when it is complete, in the words of whoever attached it.
CREATE TABLE upload_tokens (
    num           INTEGER PRIMARY KEY AUTOINCREMENT,
    id            TEXT    NOT NULL UNIQUE,
    account       INTEGER NOT NULL,
    owner         TEXT    NOT NULL,
    status        INTEGER NOT NULL,
    file_name     TEXT    NOT NULL,
    file_size     INTEGER NOT NULL,
    auto_finalize BOOLEAN NOT NULL,
    generation    INTEGER NOT NULL,
    extents       TEXT    NOT NULL,
    contiguous    INTEGER NOT NULL,
    attached_type TEXT    NOT NULL,
    attached_id   TEXT    NOT NULL,
    arrival       TEXT    NOT NULL,
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL
);
CREATE INDEX upload_tokens_account ON upload_tokens (account, created_at, num);
CREATE INDEX upload_tokens_open ON upload_tokens (status, updated_at);
CREATE INDEX upload_tokens_attached ON upload_tokens (attached_id) WHERE attached_id <> '';

-- +goose Up
-- upload is the unfinished upload whose bytes the task works on; needs_bytes, how many of them must be there first: until then the
-- task has one blocker more.
ALTER TABLE tasks ADD COLUMN upload TEXT NOT NULL DEFAULT '';
ALTER TABLE tasks ADD COLUMN needs_bytes BIGINT NOT NULL DEFAULT 0;
CREATE INDEX tasks_upload ON tasks (upload, needs_bytes) WHERE upload <> '';

-- What is made of uploads while they arrive. renditions are assets by the names that the plan gives them, as JSON.
CREATE TABLE early_works (
    upload     TEXT    NOT NULL PRIMARY KEY,
    generation INTEGER NOT NULL,
    entry      TEXT    NOT NULL REFERENCES entries (id) ON DELETE CASCADE,
    version    INTEGER NOT NULL,
    state      TEXT    NOT NULL,
    path       TEXT    NOT NULL,
    size       BIGINT  NOT NULL,
    renditions TEXT    NOT NULL,
    created_at BIGINT  NOT NULL
);
CREATE INDEX early_works_entry ON early_works (entry);

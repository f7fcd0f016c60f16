-- +goose Up
CREATE TABLE accounts (
    id                    INTEGER PRIMARY KEY,
    name                  TEXT    NOT NULL,
    admin_secret          TEXT    NOT NULL,
    user_secret           TEXT    NOT NULL,
    status                INTEGER NOT NULL,
    play_while_processing BOOLEAN NOT NULL,
    created_at            INTEGER NOT NULL,
    updated_at            INTEGER NOT NULL
);

-- num orders entries by age and never changes; the full-text index points to it.
CREATE TABLE entries (
    num          INTEGER PRIMARY KEY AUTOINCREMENT,
    id           TEXT    NOT NULL UNIQUE,
    account      INTEGER NOT NULL REFERENCES accounts (id),
    status       INTEGER NOT NULL,
    media_type   INTEGER NOT NULL,
    name         TEXT    NOT NULL,
    description  TEXT    NOT NULL,
    reference_id TEXT    NOT NULL,
    tags         TEXT    NOT NULL,
    source_key   TEXT    NOT NULL,
    dedup_key    TEXT,
    version      INTEGER NOT NULL,
    duration_ms  INTEGER NOT NULL,
    width        INTEGER NOT NULL,
    height       INTEGER NOT NULL,
    error_code   TEXT    NOT NULL,
    error_text   TEXT    NOT NULL,
    playable_at  INTEGER NOT NULL,
    ready_at     INTEGER NOT NULL,
    deleted_at   INTEGER NOT NULL,
    created_at   INTEGER NOT NULL,
    updated_at   INTEGER NOT NULL,
    revision     INTEGER NOT NULL,
    search_words TEXT    NOT NULL
);
CREATE UNIQUE INDEX entries_dedup ON entries (account, dedup_key);
CREATE INDEX entries_status ON entries (account, status, created_at, num);
CREATE INDEX entries_created ON entries (account, created_at, num);
CREATE INDEX entries_updated ON entries (account, updated_at, num);
CREATE INDEX entries_name ON entries (account, name, num);
CREATE INDEX entries_duration ON entries (account, duration_ms, num);
CREATE INDEX entries_reference ON entries (account, reference_id);
CREATE INDEX entries_all_status ON entries (status, created_at, num);
CREATE INDEX entries_all_created ON entries (created_at, num);
CREATE INDEX entries_all_updated ON entries (updated_at, num);
CREATE INDEX entries_all_name ON entries (name, num);
CREATE INDEX entries_all_duration ON entries (duration_ms, num);
CREATE INDEX entries_deleted ON entries (deleted_at) WHERE deleted_at > 0;

CREATE VIRTUAL TABLE entries_words USING fts5 (
    search_words, content='entries', content_rowid='num', tokenize='unicode61 remove_diacritics 0', prefix='2 3'
);
-- +goose StatementBegin
CREATE TRIGGER entries_words_insert AFTER INSERT ON entries BEGIN
    INSERT INTO entries_words (rowid, search_words) VALUES (new.num, new.search_words);
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER entries_words_update AFTER UPDATE OF search_words ON entries WHEN old.search_words <> new.search_words BEGIN
    INSERT INTO entries_words (entries_words, rowid, search_words) VALUES ('delete', old.num, old.search_words);
    INSERT INTO entries_words (rowid, search_words) VALUES (new.num, new.search_words);
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER entries_words_delete AFTER DELETE ON entries BEGIN
    INSERT INTO entries_words (entries_words, rowid, search_words) VALUES ('delete', old.num, old.search_words);
END;
-- +goose StatementEnd

CREATE TABLE assets (
    num        INTEGER PRIMARY KEY AUTOINCREMENT,
    id         TEXT    NOT NULL UNIQUE,
    entry      TEXT    NOT NULL REFERENCES entries (id) ON DELETE CASCADE,
    account    INTEGER NOT NULL,
    type       TEXT    NOT NULL,
    status     INTEGER NOT NULL,
    version    INTEGER NOT NULL,
    name       TEXT    NOT NULL,
    original   BOOLEAN NOT NULL,
    key        TEXT    NOT NULL,
    index_key  TEXT    NOT NULL,
    parts      TEXT    NOT NULL,
    size       INTEGER NOT NULL,
    sha256     TEXT    NOT NULL,
    container  TEXT    NOT NULL,
    codec      TEXT    NOT NULL,
    kind       TEXT    NOT NULL,
    width      INTEGER NOT NULL,
    height     INTEGER NOT NULL,
    frame_rate REAL    NOT NULL,
    bit_rate   INTEGER NOT NULL,
    language   TEXT    NOT NULL,
    title      TEXT    NOT NULL,
    is_default BOOLEAN NOT NULL,
    props      TEXT    NOT NULL,
    error_text TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    deleted_at INTEGER NOT NULL
);
CREATE UNIQUE INDEX assets_name ON assets (entry, version, name) WHERE deleted_at = 0;
CREATE INDEX assets_entry ON assets (entry, num);

-- entry_num is the entry's age: the feeder finishes older entries first.
CREATE TABLE tasks (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    account      INTEGER NOT NULL,
    entry        TEXT    NOT NULL REFERENCES entries (id) ON DELETE CASCADE,
    entry_num    INTEGER NOT NULL,
    stage        TEXT    NOT NULL,
    name         TEXT    NOT NULL,
    version      INTEGER NOT NULL,
    state        TEXT    NOT NULL,
    priority     INTEGER NOT NULL,
    optional     BOOLEAN NOT NULL,
    blockers     INTEGER NOT NULL,
    attempt      INTEGER NOT NULL,
    forgiven     INTEGER NOT NULL,
    max_attempts INTEGER NOT NULL,
    payload      TEXT    NOT NULL,
    result       TEXT    NOT NULL,
    worker       TEXT    NOT NULL,
    lease_until  INTEGER NOT NULL,
    not_before   INTEGER NOT NULL,
    done         INTEGER NOT NULL,
    total        INTEGER NOT NULL,
    weight       INTEGER NOT NULL,
    bytes        INTEGER NOT NULL,
    error_code   TEXT    NOT NULL,
    error_text   TEXT    NOT NULL,
    created_at   INTEGER NOT NULL,
    queued_at    INTEGER NOT NULL,
    started_at   INTEGER NOT NULL,
    finished_at  INTEGER NOT NULL
);
CREATE UNIQUE INDEX tasks_name ON tasks (entry, version, stage, name);
CREATE INDEX tasks_state ON tasks (state, stage, account, priority, entry_num, id);

-- task waits for after; the row goes away when after no longer holds it back.
CREATE TABLE task_deps (
    after INTEGER NOT NULL REFERENCES tasks (id) ON DELETE CASCADE,
    task  INTEGER NOT NULL REFERENCES tasks (id) ON DELETE CASCADE,
    PRIMARY KEY (after, task)
) WITHOUT ROWID;
CREATE INDEX task_deps_task ON task_deps (task);

CREATE TABLE events (
    seq     INTEGER PRIMARY KEY AUTOINCREMENT,
    name    TEXT    NOT NULL,
    account INTEGER NOT NULL,
    entry   TEXT    NOT NULL,
    object  TEXT    NOT NULL,
    data    TEXT    NOT NULL,
    at      INTEGER NOT NULL
);
CREATE INDEX events_at ON events (at);

CREATE TABLE cursors (
    consumer   TEXT    PRIMARY KEY,
    seq        INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
);

CREATE TABLE leases (
    name  TEXT    PRIMARY KEY,
    owner TEXT    NOT NULL,
    token INTEGER NOT NULL,
    until INTEGER NOT NULL
);

CREATE TABLE quarantine (
    sha256 TEXT    PRIMARY KEY,
    code   TEXT    NOT NULL,
    at     INTEGER NOT NULL
);

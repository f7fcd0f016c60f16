-- +goose Up
CREATE TABLE bulk_jobs (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    account         INTEGER NOT NULL REFERENCES accounts (id),
    type            TEXT    NOT NULL,
    object_type     INTEGER NOT NULL,
    status          INTEGER NOT NULL,
    idempotency_key TEXT,
    file_name       TEXT    NOT NULL,
    description     TEXT    NOT NULL,
    document        TEXT    NOT NULL,
    size            INTEGER NOT NULL,
    profile         INTEGER NOT NULL,
    folder          INTEGER NOT NULL,
    strict          BOOLEAN NOT NULL,
    dry_run         BOOLEAN NOT NULL,
    user_id         TEXT    NOT NULL,
    owner           TEXT    NOT NULL,
    uploaded_by     TEXT    NOT NULL,
    priority        INTEGER NOT NULL,
    more            TEXT,
    total           INTEGER NOT NULL,
    done            INTEGER NOT NULL,
    failed          INTEGER NOT NULL,
    error_type      INTEGER NOT NULL,
    error_number    INTEGER NOT NULL,
    error_text      TEXT    NOT NULL,
    worker          TEXT    NOT NULL,
    attempt         INTEGER NOT NULL,
    lease_until     INTEGER NOT NULL,
    started_at      INTEGER NOT NULL,
    finished_at     INTEGER NOT NULL,
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL,
    deleted_at      INTEGER NOT NULL
);
CREATE UNIQUE INDEX bulk_jobs_key ON bulk_jobs (account, idempotency_key);
CREATE INDEX bulk_jobs_account ON bulk_jobs (account, id);
CREATE INDEX bulk_jobs_status ON bulk_jobs (status, account, priority, id);

-- line is the number of the item in its document, from 1; file_line where it begins there.
CREATE TABLE bulk_results (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    account       INTEGER NOT NULL,
    job           INTEGER NOT NULL REFERENCES bulk_jobs (id) ON DELETE CASCADE,
    line          INTEGER NOT NULL,
    file_line     INTEGER NOT NULL,
    status        INTEGER NOT NULL,
    action        INTEGER NOT NULL,
    object_type   INTEGER NOT NULL,
    object_id     TEXT    NOT NULL,
    object_status INTEGER NOT NULL,
    title         TEXT    NOT NULL,
    reference_id  TEXT    NOT NULL,
    row_data      TEXT    NOT NULL,
    step          TEXT    NOT NULL,
    error_type    INTEGER NOT NULL,
    error_number  INTEGER NOT NULL,
    error_code    TEXT    NOT NULL,
    error_text    TEXT    NOT NULL,
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL,
    deleted_at    INTEGER NOT NULL
);
CREATE UNIQUE INDEX bulk_results_line ON bulk_results (job, line);
CREATE INDEX bulk_results_status ON bulk_results (job, status, line);

-- What a document says of an entry for features that act on it later, as it was given.
CREATE TABLE entry_extensions (
    entry      TEXT    NOT NULL REFERENCES entries (id) ON DELETE CASCADE,
    kind       TEXT    NOT NULL,
    account    INTEGER NOT NULL,
    body       TEXT    NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (entry, kind)
);

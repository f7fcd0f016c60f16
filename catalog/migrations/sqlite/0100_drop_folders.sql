-- +goose Up
CREATE TABLE drop_folders (
    id                 INTEGER PRIMARY KEY AUTOINCREMENT,
    account            INTEGER NOT NULL REFERENCES accounts (id),
    name               TEXT NOT NULL,
    description        TEXT NOT NULL,
    tags               TEXT NOT NULL,
    type               TEXT NOT NULL,
    status             INTEGER NOT NULL,
    conversion_profile INTEGER NOT NULL,
    dc                 INTEGER NOT NULL,
    path               TEXT NOT NULL,
    patterns           TEXT NOT NULL,
    ignore_patterns    TEXT NOT NULL,
    handler            TEXT NOT NULL,
    size_interval      INTEGER NOT NULL,
    delete_policy      INTEGER NOT NULL,
    delete_regex       TEXT NOT NULL,
    delete_days        INTEGER NOT NULL,
    error_code         INTEGER NOT NULL,
    error_text         TEXT NOT NULL,
    last_access        INTEGER NOT NULL,
    last_file          INTEGER NOT NULL,
    options            TEXT NOT NULL,
    sealed             TEXT NOT NULL,
    created_at         INTEGER NOT NULL,
    updated_at         INTEGER NOT NULL,
    deleted_at         INTEGER NOT NULL
);
CREATE INDEX drop_folders_account ON drop_folders (account, created_at, id);
CREATE UNIQUE INDEX drop_folders_path ON drop_folders (path) WHERE type = '1' AND deleted_at = 0;

CREATE TABLE drop_folder_files (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    account         INTEGER NOT NULL REFERENCES accounts (id),
    folder          INTEGER NOT NULL REFERENCES drop_folders (id),
    path            TEXT NOT NULL,
    path_key        TEXT NOT NULL,
    fold_key        TEXT NOT NULL,
    status          INTEGER NOT NULL,
    type            TEXT NOT NULL,
    size            INTEGER NOT NULL,
    size_set_at     INTEGER NOT NULL,
    modified_ns     INTEGER NOT NULL,
    identity        TEXT NOT NULL,
    slug            TEXT NOT NULL,
    flavor          TEXT NOT NULL,
    owner           TEXT NOT NULL,
    lead            INTEGER NOT NULL,
    deleted_file    INTEGER NOT NULL,
    entry           TEXT NOT NULL,
    job             INTEGER NOT NULL,
    error_code      TEXT NOT NULL,
    error_text      TEXT NOT NULL,
    why             TEXT NOT NULL,
    warning         TEXT NOT NULL,
    sha256          TEXT NOT NULL,
    attempt         INTEGER NOT NULL,
    next_at         INTEGER NOT NULL,
    done            INTEGER NOT NULL,
    idempotency_key TEXT NOT NULL,
    detected_by     TEXT NOT NULL,
    upload_start    INTEGER NOT NULL,
    upload_end      INTEGER NOT NULL,
    import_start    INTEGER NOT NULL,
    import_end      INTEGER NOT NULL,
    paused_at       INTEGER NOT NULL,
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL,
    deleted_at      INTEGER NOT NULL
);
-- One live row a name; rows of files that are gone have their own id there.
CREATE UNIQUE INDEX drop_folder_files_path ON drop_folder_files (folder, path_key, deleted_file);
CREATE INDEX drop_folder_files_status ON drop_folder_files (folder, status, id);
CREATE INDEX drop_folder_files_account ON drop_folder_files (account, created_at, id);
CREATE INDEX drop_folder_files_fold ON drop_folder_files (folder, fold_key) WHERE deleted_file = 0;
CREATE INDEX drop_folder_files_slug ON drop_folder_files (folder, slug) WHERE slug <> '';
CREATE INDEX drop_folder_files_lead ON drop_folder_files (lead) WHERE lead > 0;
CREATE INDEX drop_folder_files_entry ON drop_folder_files (entry) WHERE entry <> '';
CREATE INDEX drop_folder_files_due ON drop_folder_files (folder, next_at) WHERE next_at > 0;
CREATE INDEX drop_folder_files_purged ON drop_folder_files (updated_at) WHERE status = 7;

-- +goose Up
-- A transfer is a session of the high-speed upload; secret is the SHA-256 of what its client shows, and spec its options as JSON.
CREATE TABLE transfers (
    num        INTEGER PRIMARY KEY AUTOINCREMENT,
    id         TEXT    NOT NULL UNIQUE,
    account    INTEGER NOT NULL,
    owner      TEXT    NOT NULL,
    secret     TEXT    NOT NULL,
    status     INTEGER NOT NULL,
    spec       TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
);
CREATE INDEX transfers_idle ON transfers (status, updated_at);
CREATE INDEX transfers_account ON transfers (account, status);

-- extents are the ranges that are on disk, as JSON [[from, to], …], of files that no upload token keeps them for.
CREATE TABLE transfer_files (
    transfer TEXT    NOT NULL,
    number   INTEGER NOT NULL,
    path     TEXT    NOT NULL,
    size     INTEGER NOT NULL,
    modified INTEGER NOT NULL,
    status   INTEGER NOT NULL,
    token    TEXT    NOT NULL,
    entry    TEXT    NOT NULL,
    extents  TEXT    NOT NULL,
    digest   TEXT    NOT NULL,
    reason   TEXT    NOT NULL,
    PRIMARY KEY (transfer, number)
);

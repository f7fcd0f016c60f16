-- +goose Up
CREATE TABLE metadata_profiles (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    account     INTEGER NOT NULL,
    object_type TEXT    NOT NULL,
    version     INTEGER NOT NULL,
    name        TEXT    NOT NULL,
    system_name TEXT    NOT NULL,
    description TEXT    NOT NULL,
    status      INTEGER NOT NULL,
    create_mode INTEGER NOT NULL,
    xsd         TEXT    NOT NULL,
    former_xsd  TEXT    NOT NULL,
    views       TEXT    NOT NULL,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    deleted_at  INTEGER NOT NULL
);
CREATE INDEX metadata_profiles_account ON metadata_profiles (account, id) WHERE deleted_at = 0;
CREATE UNIQUE INDEX metadata_profiles_system_name ON metadata_profiles (account, system_name) WHERE deleted_at = 0 AND system_name <> '';

-- entry is the object when that is an entry, whose metadata goes with it.
CREATE TABLE metadata (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    account         INTEGER NOT NULL,
    profile         INTEGER NOT NULL REFERENCES metadata_profiles (id) ON DELETE CASCADE,
    profile_version INTEGER NOT NULL,
    object_type     TEXT    NOT NULL,
    object          TEXT    NOT NULL,
    entry           TEXT REFERENCES entries (id) ON DELETE CASCADE,
    version         INTEGER NOT NULL,
    status          INTEGER NOT NULL,
    xml             TEXT    NOT NULL,
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL,
    deleted_at      INTEGER NOT NULL
);
CREATE UNIQUE INDEX metadata_object ON metadata (profile, object_type, object) WHERE deleted_at = 0;
CREATE INDEX metadata_account ON metadata (account, id) WHERE deleted_at = 0;
CREATE INDEX metadata_of_object ON metadata (account, object_type, object) WHERE deleted_at = 0;
CREATE INDEX metadata_entry ON metadata (entry);

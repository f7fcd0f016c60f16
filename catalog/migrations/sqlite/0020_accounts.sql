-- +goose Up
ALTER TABLE accounts ADD COLUMN details TEXT NOT NULL DEFAULT '{}';

-- Secrets are sealed under a key that is not in the database. An account has one that mints and any number that still verify.
CREATE TABLE account_secrets (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    account    INTEGER NOT NULL REFERENCES accounts (id),
    kind       TEXT    NOT NULL,
    sealed     TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
);
CREATE INDEX account_secrets_account ON account_secrets (account, id);

CREATE TABLE revocations (
    key        TEXT    PRIMARY KEY,
    account    INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX revocations_expiry ON revocations (expires_at);

CREATE TABLE app_tokens (
    id            TEXT    PRIMARY KEY,
    account       INTEGER NOT NULL REFERENCES accounts (id),
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL,
    deleted_at    INTEGER NOT NULL,
    token         TEXT    NOT NULL,
    status        INTEGER NOT NULL,
    expires_at    INTEGER NOT NULL,
    hash_type     TEXT    NOT NULL,
    session_type  INTEGER NOT NULL,
    session_owner TEXT    NOT NULL,
    duration      INTEGER NOT NULL,
    privileges    TEXT    NOT NULL,
    description   TEXT    NOT NULL
);
CREATE INDEX app_tokens_account ON app_tokens (account, created_at);

CREATE TABLE widgets (
    id         TEXT    PRIMARY KEY,
    account    INTEGER NOT NULL REFERENCES accounts (id),
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    deleted_at INTEGER NOT NULL,
    source     TEXT    NOT NULL,
    root       TEXT    NOT NULL,
    entry      TEXT    NOT NULL,
    ui_conf    INTEGER NOT NULL,
    data       TEXT    NOT NULL,
    details    TEXT    NOT NULL
);
CREATE INDEX widgets_account ON widgets (account, created_at);

-- num is the row, id what the account calls the user.
CREATE TABLE users (
    num           INTEGER PRIMARY KEY AUTOINCREMENT,
    id            TEXT    NOT NULL,
    account       INTEGER NOT NULL REFERENCES accounts (id),
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL,
    deleted_at    INTEGER NOT NULL,
    status        INTEGER NOT NULL,
    status_at     INTEGER NOT NULL,
    type          INTEGER NOT NULL,
    admin         BOOLEAN NOT NULL,
    role          INTEGER NOT NULL,
    login         TEXT    NOT NULL,
    login_enabled BOOLEAN NOT NULL,
    password      TEXT    NOT NULL,
    login_at      INTEGER NOT NULL,
    screen_name   TEXT    NOT NULL,
    first_name    TEXT    NOT NULL,
    last_name     TEXT    NOT NULL,
    email         TEXT    NOT NULL,
    tags          TEXT    NOT NULL,
    details       TEXT    NOT NULL
);
CREATE UNIQUE INDEX users_id ON users (account, id) WHERE deleted_at = 0;
CREATE UNIQUE INDEX users_login ON users (login, account) WHERE login_enabled AND deleted_at = 0;
CREATE INDEX users_created ON users (account, created_at);

-- Roles of account 0 are everyone's.
CREATE TABLE roles (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    account     INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    deleted_at  INTEGER NOT NULL,
    status      INTEGER NOT NULL,
    name        TEXT    NOT NULL,
    system_name TEXT    NOT NULL,
    description TEXT    NOT NULL,
    permissions TEXT    NOT NULL,
    tags        TEXT    NOT NULL
);
CREATE UNIQUE INDEX roles_name ON roles (account, system_name) WHERE deleted_at = 0 AND system_name <> '';
INSERT INTO roles (account, created_at, updated_at, deleted_at, status, name, system_name, description, permissions, tags) VALUES
    (0, 1, 1, 0, 1, 'Reach vendor', 'REACH_VENDOR_ROLE', 'What a vendor may do with the entry of its task.',
     'reach_entryvendortask.get,reach_vendorcatalogitem.get,schedule_scheduleevent.get,schedule_scheduleevent.updatelivefeature,baseentry.get,baseentry.update,baseentry.getplaybackcontext,baseentry.getcontextdata,media.get,media.update,flavorasset.add,flavorasset.setcontent,flavorasset.get,flavorasset.list,flavorasset.geturl,caption_captionasset.*,attachment_attachmentasset.*,cuepoint_cuepoint.*,uploadtoken.add,uploadtoken.upload,uploadtoken.get',
     '');

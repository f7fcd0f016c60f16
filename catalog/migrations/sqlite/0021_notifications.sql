-- +goose Up
-- Templates of account 0 are examples for everyone to copy.
CREATE TABLE notification_templates (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    account     INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    deleted_at  INTEGER NOT NULL,
    name        TEXT    NOT NULL,
    system_name TEXT    NOT NULL,
    description TEXT    NOT NULL,
    status      INTEGER NOT NULL,
    automatic   BOOLEAN NOT NULL,
    manual      BOOLEAN NOT NULL,
    event_type  TEXT    NOT NULL,
    object_type TEXT    NOT NULL,
    password    TEXT    NOT NULL,
    spec        TEXT    NOT NULL
);
CREATE INDEX notification_templates_account ON notification_templates (account, created_at);
CREATE UNIQUE INDEX notification_templates_name ON notification_templates (account, system_name) WHERE deleted_at = 0 AND system_name <> '';
INSERT INTO notification_templates (account, created_at, updated_at, deleted_at, name, system_name, description, status, automatic, manual,
    event_type, object_type, password, spec) VALUES
    (0, 1, 1, 0, 'Entry is ready', 'HTTP_ENTRY_READY', 'Posts the entry when it becomes ready.', 1, TRUE, TRUE, '3', '1', '',
     '{"method":2,"data":{"kind":"object","format":1,"object_type":"KalturaMediaEntry"},"events":["entry.ready"]}');

-- What is to be sent, and what became of it. next_at is when it is tried next, or, while it is, when it counts as lost.
CREATE TABLE notification_deliveries (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    account       INTEGER NOT NULL,
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL,
    deleted_at    INTEGER NOT NULL,
    template      INTEGER NOT NULL,
    event         TEXT    NOT NULL,
    event_seq     INTEGER,
    object_id     TEXT    NOT NULL,
    status        INTEGER NOT NULL,
    attempts      INTEGER NOT NULL,
    next_at       INTEGER NOT NULL,
    finished_at   INTEGER NOT NULL,
    url           TEXT    NOT NULL,
    content_type  TEXT    NOT NULL,
    body          TEXT    NOT NULL,
    response_code INTEGER NOT NULL,
    response      TEXT    NOT NULL,
    error_text    TEXT    NOT NULL
);
CREATE UNIQUE INDEX notification_deliveries_event ON notification_deliveries (template, event_seq);
CREATE INDEX notification_deliveries_account ON notification_deliveries (account, created_at);
CREATE INDEX notification_deliveries_due ON notification_deliveries (status, next_at);

-- +goose Up
ALTER TABLE entries ADD COLUMN type TEXT NOT NULL DEFAULT '1';
ALTER TABLE entries ADD COLUMN owner TEXT NOT NULL DEFAULT '';
ALTER TABLE entries ADD COLUMN creator TEXT NOT NULL DEFAULT '';
ALTER TABLE entries ADD COLUMN admin_tags TEXT NOT NULL DEFAULT '';
ALTER TABLE entries ADD COLUMN moderation_status INTEGER NOT NULL DEFAULT 6;
ALTER TABLE entries ADD COLUMN moderation_count INTEGER NOT NULL DEFAULT 0;
ALTER TABLE entries ADD COLUMN group_id INTEGER NOT NULL DEFAULT 0;
ALTER TABLE entries ADD COLUMN access_control INTEGER NOT NULL DEFAULT 0;
ALTER TABLE entries ADD COLUMN start_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE entries ADD COLUMN end_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE entries ADD COLUMN replacing TEXT NOT NULL DEFAULT '';
ALTER TABLE entries ADD COLUMN replaced TEXT NOT NULL DEFAULT '';
ALTER TABLE entries ADD COLUMN replacement_status INTEGER NOT NULL DEFAULT 0;
ALTER TABLE entries ADD COLUMN sort_value INTEGER NOT NULL DEFAULT 0;
ALTER TABLE entries ADD COLUMN conversion_profile INTEGER NOT NULL DEFAULT 0;
ALTER TABLE entries ADD COLUMN redirect TEXT NOT NULL DEFAULT '';
ALTER TABLE entries ADD COLUMN root TEXT NOT NULL DEFAULT '';
ALTER TABLE entries ADD COLUMN parent TEXT NOT NULL DEFAULT '';
ALTER TABLE entries ADD COLUMN editors TEXT NOT NULL DEFAULT '';
ALTER TABLE entries ADD COLUMN publishers TEXT NOT NULL DEFAULT '';
ALTER TABLE entries ADD COLUMN viewers TEXT NOT NULL DEFAULT '';
ALTER TABLE entries ADD COLUMN display INTEGER NOT NULL DEFAULT 1;
ALTER TABLE entries ADD COLUMN source_type TEXT NOT NULL DEFAULT '1';
ALTER TABLE entries ADD COLUMN categories TEXT NOT NULL DEFAULT '';
ALTER TABLE entries ADD COLUMN category_ids TEXT NOT NULL DEFAULT '';
ALTER TABLE entries ADD COLUMN plays INTEGER NOT NULL DEFAULT 0;
ALTER TABLE entries ADD COLUMN views INTEGER NOT NULL DEFAULT 0;
ALTER TABLE entries ADD COLUMN last_played_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE entries ADD COLUMN rank REAL NOT NULL DEFAULT 0;
ALTER TABLE entries ADD COLUMN total_rank INTEGER NOT NULL DEFAULT 0;
ALTER TABLE entries ADD COLUMN votes INTEGER NOT NULL DEFAULT 0;
ALTER TABLE entries ADD COLUMN details TEXT NOT NULL DEFAULT '';

-- Tags were a JSON array and become a comma list, which queries can look into.
UPDATE entries SET tags =
    (SELECT coalesce(group_concat(replace(value, ',', ' '), ','), '') FROM json_each(entries.tags))
WHERE tags <> '';

CREATE INDEX entries_owner ON entries (account, owner, created_at, num);
CREATE INDEX entries_access ON entries (account, access_control);
CREATE INDEX entries_parent ON entries (account, parent) WHERE parent <> '';
CREATE INDEX entries_root ON entries (account, root) WHERE root <> '';
CREATE INDEX entries_replaced ON entries (account, replaced) WHERE replaced <> '';
CREATE INDEX entries_replacing ON entries (account, replacing) WHERE replacing <> '';

-- entry_counts holds how many entries there are of each kind, kept by triggers: lists show a total and must not count a million
-- rows for it. Slots keep transactions of several connections apart; the number is the sum over them.
CREATE TABLE entry_counts (
    account           INTEGER NOT NULL,
    type              TEXT    NOT NULL,
    media_type        INTEGER NOT NULL,
    status            INTEGER NOT NULL,
    moderation_status INTEGER NOT NULL,
    display           INTEGER NOT NULL,
    slot              INTEGER NOT NULL,
    n                 INTEGER NOT NULL,
    PRIMARY KEY (account, type, media_type, status, moderation_status, display, slot)
) WITHOUT ROWID;
INSERT INTO entry_counts (account, type, media_type, status, moderation_status, display, slot, n)
SELECT account, type, media_type, status, moderation_status, display, 0, count(*) FROM entries
GROUP BY account, type, media_type, status, moderation_status, display;
-- +goose StatementBegin
CREATE TRIGGER entry_counts_insert AFTER INSERT ON entries BEGIN
    INSERT INTO entry_counts (account, type, media_type, status, moderation_status, display, slot, n)
    VALUES (new.account, new.type, new.media_type, new.status, new.moderation_status, new.display, 0, 1)
    ON CONFLICT DO UPDATE SET n = n + excluded.n;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER entry_counts_update AFTER UPDATE ON entries
WHEN (old.account, old.type, old.media_type, old.status, old.moderation_status, old.display)
  <> (new.account, new.type, new.media_type, new.status, new.moderation_status, new.display) BEGIN
    INSERT INTO entry_counts (account, type, media_type, status, moderation_status, display, slot, n)
    VALUES (old.account, old.type, old.media_type, old.status, old.moderation_status, old.display, 0, -1)
    ON CONFLICT DO UPDATE SET n = n + excluded.n;
    INSERT INTO entry_counts (account, type, media_type, status, moderation_status, display, slot, n)
    VALUES (new.account, new.type, new.media_type, new.status, new.moderation_status, new.display, 0, 1)
    ON CONFLICT DO UPDATE SET n = n + excluded.n;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER entry_counts_delete AFTER DELETE ON entries BEGIN
    INSERT INTO entry_counts (account, type, media_type, status, moderation_status, display, slot, n)
    VALUES (old.account, old.type, old.media_type, old.status, old.moderation_status, old.display, 0, -1)
    ON CONFLICT DO UPDATE SET n = n + excluded.n;
END;
-- +goose StatementEnd

CREATE INDEX assets_deleted ON assets (deleted_at) WHERE deleted_at > 0;

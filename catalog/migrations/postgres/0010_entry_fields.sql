-- +goose Up
ALTER TABLE entries ADD COLUMN type TEXT NOT NULL DEFAULT '1';
ALTER TABLE entries ADD COLUMN owner TEXT NOT NULL DEFAULT '';
ALTER TABLE entries ADD COLUMN creator TEXT NOT NULL DEFAULT '';
ALTER TABLE entries ADD COLUMN admin_tags TEXT NOT NULL DEFAULT '';
ALTER TABLE entries ADD COLUMN moderation_status BIGINT NOT NULL DEFAULT 6;
ALTER TABLE entries ADD COLUMN moderation_count BIGINT NOT NULL DEFAULT 0;
ALTER TABLE entries ADD COLUMN group_id BIGINT NOT NULL DEFAULT 0;
ALTER TABLE entries ADD COLUMN access_control BIGINT NOT NULL DEFAULT 0;
ALTER TABLE entries ADD COLUMN start_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE entries ADD COLUMN end_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE entries ADD COLUMN replacing TEXT NOT NULL DEFAULT '';
ALTER TABLE entries ADD COLUMN replaced TEXT NOT NULL DEFAULT '';
ALTER TABLE entries ADD COLUMN replacement_status BIGINT NOT NULL DEFAULT 0;
ALTER TABLE entries ADD COLUMN sort_value BIGINT NOT NULL DEFAULT 0;
ALTER TABLE entries ADD COLUMN conversion_profile BIGINT NOT NULL DEFAULT 0;
ALTER TABLE entries ADD COLUMN redirect TEXT NOT NULL DEFAULT '';
ALTER TABLE entries ADD COLUMN root TEXT NOT NULL DEFAULT '';
ALTER TABLE entries ADD COLUMN parent TEXT NOT NULL DEFAULT '';
ALTER TABLE entries ADD COLUMN editors TEXT NOT NULL DEFAULT '';
ALTER TABLE entries ADD COLUMN publishers TEXT NOT NULL DEFAULT '';
ALTER TABLE entries ADD COLUMN viewers TEXT NOT NULL DEFAULT '';
ALTER TABLE entries ADD COLUMN display BIGINT NOT NULL DEFAULT 1;
ALTER TABLE entries ADD COLUMN source_type TEXT NOT NULL DEFAULT '1';
ALTER TABLE entries ADD COLUMN categories TEXT NOT NULL DEFAULT '';
ALTER TABLE entries ADD COLUMN category_ids TEXT NOT NULL DEFAULT '';
ALTER TABLE entries ADD COLUMN plays BIGINT NOT NULL DEFAULT 0;
ALTER TABLE entries ADD COLUMN views BIGINT NOT NULL DEFAULT 0;
ALTER TABLE entries ADD COLUMN last_played_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE entries ADD COLUMN rank DOUBLE PRECISION NOT NULL DEFAULT 0;
ALTER TABLE entries ADD COLUMN total_rank BIGINT NOT NULL DEFAULT 0;
ALTER TABLE entries ADD COLUMN votes BIGINT NOT NULL DEFAULT 0;
ALTER TABLE entries ADD COLUMN details TEXT NOT NULL DEFAULT '';

-- Tags were a JSON array and become a comma list, which queries can look into.
UPDATE entries SET tags =
    (SELECT coalesce(string_agg(replace(value, ',', ' '), ','), '')
     FROM json_array_elements_text(entries.tags::json))
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
    account           BIGINT  NOT NULL,
    type              TEXT    NOT NULL,
    media_type        BIGINT  NOT NULL,
    status            BIGINT  NOT NULL,
    moderation_status BIGINT  NOT NULL,
    display           BIGINT  NOT NULL,
    slot              BIGINT  NOT NULL,
    n                 BIGINT  NOT NULL,
    PRIMARY KEY (account, type, media_type, status, moderation_status, display, slot)
);
INSERT INTO entry_counts (account, type, media_type, status, moderation_status, display, slot, n)
SELECT account, type, media_type, status, moderation_status, display, 0, count(*) FROM entries
GROUP BY account, type, media_type, status, moderation_status, display;
-- +goose StatementBegin
CREATE FUNCTION count_entries() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        INSERT INTO entry_counts (account, type, media_type, status, moderation_status, display, slot, n)
        VALUES (OLD.account, OLD.type, OLD.media_type, OLD.status, OLD.moderation_status, OLD.display,
            pg_backend_pid() % 64, -1)
        ON CONFLICT (account, type, media_type, status, moderation_status, display, slot) DO UPDATE SET n = entry_counts.n + excluded.n;
    END IF;
    IF TG_OP <> 'DELETE' THEN
        INSERT INTO entry_counts (account, type, media_type, status, moderation_status, display, slot, n)
        VALUES (NEW.account, NEW.type, NEW.media_type, NEW.status, NEW.moderation_status, NEW.display,
            pg_backend_pid() % 64, 1)
        ON CONFLICT (account, type, media_type, status, moderation_status, display, slot) DO UPDATE SET n = entry_counts.n + excluded.n;
    END IF;
    RETURN NULL;
END;
$$;
-- +goose StatementEnd
CREATE TRIGGER entry_counts_change AFTER INSERT OR DELETE ON entries FOR EACH ROW EXECUTE FUNCTION count_entries();
CREATE TRIGGER entry_counts_update AFTER UPDATE ON entries FOR EACH ROW WHEN (
    (OLD.account, OLD.type, OLD.media_type, OLD.status, OLD.moderation_status, OLD.display) IS DISTINCT FROM
    (NEW.account, NEW.type, NEW.media_type, NEW.status, NEW.moderation_status, NEW.display)
) EXECUTE FUNCTION count_entries();

CREATE INDEX assets_deleted ON assets (deleted_at) WHERE deleted_at > 0;

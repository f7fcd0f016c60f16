-- +goose Up
-- carrier is the protocol that an upload began with; state is what that keeps with it, in its own words.
ALTER TABLE upload_tokens ADD COLUMN carrier TEXT NOT NULL DEFAULT '';
ALTER TABLE upload_tokens ADD COLUMN state TEXT NOT NULL DEFAULT '';

-- +goose Up
-- Drop folders may ask which entry has the very content of a file.
CREATE INDEX IF NOT EXISTS assets_original ON assets (account, sha256) WHERE original AND sha256 <> '';

-- +goose Up
-- What the lines of bulk jobs said that are not about entries, by column, as JSON.
ALTER TABLE bulk_results ADD COLUMN cells TEXT NOT NULL DEFAULT '';

-- +goose Up
-- What elements of custom metadata hold, one row an element: entries are looked for by it.
CREATE TABLE metadata_values (
    metadata INTEGER NOT NULL REFERENCES metadata (id) ON DELETE CASCADE,
    profile  INTEGER NOT NULL,
    entry    TEXT NOT NULL,
    field    TEXT NOT NULL,
    value    TEXT NOT NULL,
    number   REAL
);
CREATE INDEX metadata_values_value ON metadata_values (profile, field, value);
CREATE INDEX metadata_values_number ON metadata_values (profile, field, number);
CREATE INDEX metadata_values_metadata ON metadata_values (metadata);

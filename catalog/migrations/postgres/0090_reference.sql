-- +goose Up
-- Of all accounts at once, too: the console looks an entry up by the id that its owner knows.
CREATE INDEX entries_all_reference ON entries (reference_id);

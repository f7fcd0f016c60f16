-- +goose Up
-- How many entries an account made on its last day of making some. Only accounts with a limit on that have a row.
CREATE TABLE entry_days (
    account INTEGER PRIMARY KEY REFERENCES accounts (id),
    day     INTEGER NOT NULL,
    n       INTEGER NOT NULL
);

-- +goose Up
-- How many entries an account made on its last day of making some. Only accounts with a limit on that have a row.
CREATE TABLE entry_days (
    account BIGINT PRIMARY KEY REFERENCES accounts (id),
    day     BIGINT NOT NULL,
    n       BIGINT NOT NULL
);

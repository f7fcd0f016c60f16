-- +goose Up
-- made is how far the plan of a source is whose end is not known: the object of the plan, and how many of its spans have tasks, as JSON.
ALTER TABLE early_works ADD COLUMN made TEXT NOT NULL DEFAULT '';

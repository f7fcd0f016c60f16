-- +goose Up
-- Deleting an entry looks for what refers to it by the entry alone.
CREATE INDEX moderation_flags_of_entry ON moderation_flags (entry);
CREATE INDEX cue_points_of_entry ON cue_points (entry);

-- +goose Up
-- Members of categories. A row goes when its category or its user does.
CREATE TABLE category_users (
    id               INTEGER PRIMARY KEY AUTOINCREMENT,
    account          INTEGER NOT NULL,
    category         INTEGER NOT NULL REFERENCES categories (id) ON DELETE CASCADE,
    user_id          TEXT    NOT NULL,
    permission_level INTEGER NOT NULL,
    status           INTEGER NOT NULL,
    update_method    INTEGER NOT NULL,
    permission_names TEXT    NOT NULL,
    created_at       INTEGER NOT NULL,
    updated_at       INTEGER NOT NULL,
    deleted_at       INTEGER NOT NULL
);
CREATE UNIQUE INDEX category_users_pair ON category_users (category, user_id);
CREATE INDEX category_users_user ON category_users (account, user_id, category);
CREATE INDEX category_users_status ON category_users (category, status);

-- Whether a category has a privacy context: lists of entries ask for these.
ALTER TABLE categories ADD COLUMN private BOOLEAN NOT NULL DEFAULT FALSE;
UPDATE categories SET private = TRUE WHERE more LIKE '%"privacyContext":"%';
CREATE INDEX categories_private ON categories (account) WHERE private AND deleted_at = 0;

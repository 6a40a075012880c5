CREATE TABLE setting (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;

CREATE TABLE user (
    name          TEXT PRIMARY KEY,
    password_hash TEXT,
    role          TEXT NOT NULL,
    created_at    INTEGER NOT NULL
) STRICT;

CREATE TABLE console_session (
    token_hash BLOB PRIMARY KEY,
    user_name  TEXT NOT NULL REFERENCES user (name) ON DELETE CASCADE,
    csrf_token TEXT NOT NULL,
    address    TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;

CREATE TABLE access_key (
    id            TEXT PRIMARY KEY,
    user_name     TEXT NOT NULL REFERENCES user (name) ON DELETE CASCADE,
    sealed_secret BLOB NOT NULL,
    description   TEXT NOT NULL,
    status        TEXT NOT NULL,
    created_at    INTEGER NOT NULL,
    last_used_at  INTEGER
) STRICT;

CREATE TABLE tag (
    kind  TEXT NOT NULL,
    id    TEXT NOT NULL,
    key   TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (kind, id, key)
) STRICT, WITHOUT ROWID;

CREATE INDEX tag_by_value ON tag (kind, key, value, id);

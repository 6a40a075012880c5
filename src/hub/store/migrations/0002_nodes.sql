CREATE TABLE activation (
    id                 TEXT PRIMARY KEY,
    code_hash          BLOB NOT NULL,
    default_name       TEXT,
    description        TEXT NOT NULL,
    iam_role           TEXT NOT NULL,
    registration_limit INTEGER NOT NULL,
    registrations      INTEGER NOT NULL,
    created_by         TEXT NOT NULL,
    created_at         INTEGER NOT NULL,
    expires_at         INTEGER NOT NULL
) STRICT;

CREATE TABLE node (
    id             TEXT PRIMARY KEY,
    key_hash       BLOB NOT NULL UNIQUE,
    name           TEXT NOT NULL,
    activation_id  TEXT,
    iam_role       TEXT NOT NULL,
    joined_at      INTEGER NOT NULL,
    removed_at     INTEGER,
    status         TEXT NOT NULL,
    offline_reason TEXT,
    connected_at   INTEGER,
    last_seen_at   INTEGER,
    source_address TEXT NOT NULL,
    computer_name  TEXT NOT NULL,
    platform_id    TEXT NOT NULL,
    platform_name  TEXT NOT NULL,
    platform_version TEXT NOT NULL,
    architecture   TEXT NOT NULL,
    agent_version  TEXT NOT NULL,
    addresses      TEXT NOT NULL,
    booted_at      INTEGER,
    facts          TEXT NOT NULL
) STRICT;

CREATE INDEX node_by_name ON node (name, id) WHERE removed_at IS NULL;
CREATE INDEX node_by_status ON node (status, id) WHERE removed_at IS NULL;
CREATE INDEX node_by_activation ON node (activation_id);
CREATE INDEX node_removed ON node (id) WHERE removed_at IS NOT NULL;

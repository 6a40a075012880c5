CREATE TABLE parameter (
    key     TEXT PRIMARY KEY,
    name    TEXT NOT NULL,
    parent  TEXT NOT NULL,
    version INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX parameter_by_parent ON parameter (parent, key);

CREATE TABLE parameter_version (
    key             TEXT NOT NULL REFERENCES parameter (key) ON DELETE CASCADE,
    version         INTEGER NOT NULL,
    type            TEXT NOT NULL,
    value           TEXT NOT NULL,
    data_type       TEXT NOT NULL,
    tier            TEXT NOT NULL,
    description     TEXT NOT NULL,
    allowed_pattern TEXT NOT NULL,
    policies        TEXT,
    key_id          TEXT,
    sealed_by       INTEGER,
    modified_at     INTEGER NOT NULL,
    modified_by     TEXT NOT NULL,
    PRIMARY KEY (key, version)
) STRICT, WITHOUT ROWID;

CREATE INDEX parameter_version_sealed ON parameter_version (sealed_by, key, version) WHERE sealed_by IS NOT NULL;

CREATE TABLE parameter_label (
    key     TEXT NOT NULL REFERENCES parameter (key) ON DELETE CASCADE,
    label   TEXT NOT NULL,
    version INTEGER NOT NULL,
    PRIMARY KEY (key, label)
) STRICT, WITHOUT ROWID;

CREATE TABLE parameter_policy (
    key      TEXT NOT NULL REFERENCES parameter (key) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    type     TEXT NOT NULL,
    text     TEXT NOT NULL,
    status   TEXT NOT NULL,
    due_at   INTEGER NOT NULL,
    PRIMARY KEY (key, position)
) STRICT, WITHOUT ROWID;

CREATE INDEX parameter_policy_due ON parameter_policy (due_at, key, position) WHERE status = 'Pending';

CREATE TABLE secret_key (
    id          TEXT PRIMARY KEY,
    alias       TEXT NOT NULL UNIQUE,
    description TEXT NOT NULL,
    status      TEXT NOT NULL,
    created_at  INTEGER NOT NULL,
    created_by  TEXT NOT NULL
) STRICT;

CREATE TABLE secret_key_version (
    id         INTEGER PRIMARY KEY,
    key_id     TEXT NOT NULL REFERENCES secret_key (id),
    sealed     BLOB NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE INDEX secret_key_version_by_key ON secret_key_version (key_id, id);

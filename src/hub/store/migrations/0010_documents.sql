CREATE TABLE document (
    name            TEXT PRIMARY KEY,
    type            TEXT NOT NULL,
    owner           TEXT NOT NULL,
    default_version INTEGER NOT NULL,
    latest_version  INTEGER NOT NULL,
    last_version    INTEGER NOT NULL,
    created_at      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE document_version (
    name           TEXT NOT NULL REFERENCES document (name) ON DELETE CASCADE,
    version        INTEGER NOT NULL,
    version_name   TEXT,
    display_name   TEXT,
    format         TEXT NOT NULL,
    content        TEXT NOT NULL,
    sha256         TEXT NOT NULL,
    schema_version TEXT NOT NULL,
    description    TEXT NOT NULL,
    target_type    TEXT,
    requires       TEXT NOT NULL,
    on_windows     INTEGER NOT NULL,
    on_linux       INTEGER NOT NULL,
    on_macos       INTEGER NOT NULL,
    author         TEXT NOT NULL,
    review         TEXT,
    created_at     INTEGER NOT NULL,
    PRIMARY KEY (name, version)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX document_version_by_name ON document_version (name, version_name) WHERE version_name IS NOT NULL;

CREATE TABLE document_attachment (
    name       TEXT NOT NULL,
    version    INTEGER NOT NULL,
    attachment TEXT NOT NULL,
    size       INTEGER NOT NULL,
    hash       BLOB NOT NULL,
    PRIMARY KEY (name, version, attachment),
    FOREIGN KEY (name, version) REFERENCES document_version (name, version) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE INDEX document_attachment_by_hash ON document_attachment (hash);

CREATE TABLE document_share (
    name           TEXT NOT NULL REFERENCES document (name) ON DELETE CASCADE,
    account_id     TEXT NOT NULL,
    shared_version TEXT NOT NULL,
    shared_at      INTEGER NOT NULL,
    position       INTEGER NOT NULL,
    PRIMARY KEY (name, account_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE document_review (
    name       TEXT NOT NULL,
    version    INTEGER NOT NULL,
    position   INTEGER NOT NULL,
    status     TEXT NOT NULL,
    comment    TEXT,
    reviewer   TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (name, version, position),
    FOREIGN KEY (name, version) REFERENCES document_version (name, version) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- What stood behind `{{ssm:…}}` and `{{global:…}}` when the command was sent.
ALTER TABLE command ADD COLUMN lookups TEXT NOT NULL DEFAULT '{}';
-- The documents that its steps run or download, by the name they are named with.
ALTER TABLE command ADD COLUMN documents TEXT NOT NULL DEFAULT '{}';

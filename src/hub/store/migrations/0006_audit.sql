CREATE TABLE audit (
    seq        INTEGER PRIMARY KEY,
    at         INTEGER NOT NULL,
    request_id TEXT NOT NULL,
    caller     TEXT NOT NULL,
    user_name  TEXT NOT NULL,
    address    TEXT NOT NULL,
    operation  TEXT NOT NULL,
    target     TEXT NOT NULL,
    command_id TEXT NOT NULL,
    outcome    TEXT NOT NULL,
    repeats    INTEGER NOT NULL,
    detail     TEXT NOT NULL,
    hash       BLOB NOT NULL
) STRICT;

CREATE INDEX audit_by_time ON audit (at, seq);
CREATE INDEX audit_by_user ON audit (lower(user_name), seq);
CREATE INDEX audit_by_operation ON audit (lower(substr(operation, instr(operation, ':') + 1)), seq);
CREATE INDEX audit_by_target ON audit (lower(target), seq);
CREATE INDEX audit_by_command ON audit (lower(command_id), seq) WHERE command_id <> '';
CREATE INDEX audit_by_request ON audit (request_id);
CREATE INDEX audit_denied ON audit (seq) WHERE outcome = 'denied';

CREATE TABLE audit_node (
    seq     INTEGER NOT NULL,
    node_id TEXT NOT NULL,
    PRIMARY KEY (seq, node_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX audit_node_by_node ON audit_node (node_id, seq);

CREATE TABLE audit_head (
    seq       INTEGER PRIMARY KEY,
    hash      BLOB NOT NULL,
    at        INTEGER NOT NULL,
    key       BLOB NOT NULL,
    signature BLOB NOT NULL
) STRICT;

CREATE TABLE audit_witness (
    source    TEXT NOT NULL,
    seq       INTEGER NOT NULL,
    hash      BLOB NOT NULL,
    at        INTEGER NOT NULL,
    key       BLOB NOT NULL,
    signature BLOB NOT NULL,
    seen_at   INTEGER NOT NULL,
    PRIMARY KEY (seq, hash)
) STRICT, WITHOUT ROWID;

CREATE TABLE audit_segment (
    last_seq  INTEGER PRIMARY KEY,
    first_seq INTEGER NOT NULL,
    hash      BLOB NOT NULL,
    at        INTEGER NOT NULL,
    file      TEXT NOT NULL,
    file_hash BLOB NOT NULL,
    key       BLOB NOT NULL,
    signature BLOB NOT NULL
) STRICT;

CREATE TABLE audit_delivery (
    sink            TEXT PRIMARY KEY,
    head_seq        INTEGER NOT NULL,
    row_seq         INTEGER NOT NULL,
    delivered_at    INTEGER,
    failures        INTEGER NOT NULL,
    next_attempt_at INTEGER NOT NULL,
    last_error      TEXT NOT NULL,
    last_error_at   INTEGER
) STRICT;

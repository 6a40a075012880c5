CREATE TABLE command (
    id                  TEXT PRIMARY KEY,
    document_name       TEXT NOT NULL,
    document_version    TEXT NOT NULL,
    document            TEXT NOT NULL,
    parameters          TEXT NOT NULL,
    comment             TEXT NOT NULL,
    instance_ids        TEXT NOT NULL,
    targets             TEXT NOT NULL,
    requested_by        TEXT NOT NULL,
    requested_at        INTEGER NOT NULL,
    start_before        INTEGER NOT NULL,
    expires_at          INTEGER NOT NULL,
    timeout_s           INTEGER NOT NULL,
    max_concurrency     TEXT NOT NULL,
    max_errors          TEXT NOT NULL,
    extras              TEXT NOT NULL,
    rerun_of            TEXT,
    status              TEXT NOT NULL,
    cancelled_at        INTEGER,
    target_count        INTEGER NOT NULL,
    completed_count     INTEGER NOT NULL,
    error_count         INTEGER NOT NULL,
    delivery_timed_out_count INTEGER NOT NULL
) STRICT;

CREATE INDEX command_by_time ON command (requested_at, id);
CREATE INDEX command_by_document ON command (document_name, requested_at, id);

CREATE TABLE invocation (
    command_id    TEXT NOT NULL REFERENCES command (id) ON DELETE CASCADE,
    node_id       TEXT NOT NULL,
    node_name     TEXT NOT NULL,
    computer_name TEXT NOT NULL,
    requested_at  INTEGER NOT NULL,
    start_before  INTEGER NOT NULL,
    expires_at    INTEGER NOT NULL,
    status        TEXT NOT NULL,
    accepted_at   INTEGER,
    ended_at      INTEGER,
    response_code INTEGER NOT NULL,
    message       TEXT NOT NULL,
    output_hash   BLOB,
    PRIMARY KEY (command_id, node_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX invocation_by_node ON invocation (node_id, requested_at, command_id);
CREATE INDEX invocation_by_time ON invocation (requested_at, command_id, node_id);
CREATE INDEX invocation_by_status ON invocation (command_id, status, node_id);
CREATE INDEX invocation_open ON invocation (node_id, command_id) WHERE ended_at IS NULL;
CREATE INDEX invocation_waiting ON invocation (start_before) WHERE ended_at IS NULL AND accepted_at IS NULL;
CREATE INDEX invocation_running ON invocation (expires_at) WHERE ended_at IS NULL;

CREATE TABLE step (
    command_id    TEXT NOT NULL,
    node_id       TEXT NOT NULL,
    position      INTEGER NOT NULL,
    name          TEXT NOT NULL,
    action        TEXT NOT NULL,
    outcome       TEXT NOT NULL,
    exit_code     INTEGER,
    message       TEXT NOT NULL,
    started_at    INTEGER NOT NULL,
    ended_at      INTEGER NOT NULL,
    PRIMARY KEY (command_id, node_id, position),
    FOREIGN KEY (command_id, node_id) REFERENCES invocation (command_id, node_id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE TABLE step_output (
    command_id   TEXT NOT NULL,
    node_id      TEXT NOT NULL,
    position     INTEGER NOT NULL,
    stream       TEXT NOT NULL,
    hash         BLOB NOT NULL,
    stored_bytes INTEGER NOT NULL,
    head         BLOB NOT NULL,
    cut_head_bytes    INTEGER,
    cut_omitted_bytes INTEGER,
    wanted       INTEGER NOT NULL,
    PRIMARY KEY (command_id, node_id, position, stream),
    FOREIGN KEY (command_id, node_id, position) REFERENCES step (command_id, node_id, position) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE INDEX step_output_wanted ON step_output (node_id, command_id) WHERE wanted = 1;

CREATE INDEX step_output_by_hash ON step_output (hash);

CREATE TABLE blob (
    hash    BLOB PRIMARY KEY,
    size    INTEGER NOT NULL,
    content BLOB
) STRICT, WITHOUT ROWID;

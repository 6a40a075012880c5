CREATE TABLE object_store (
    name          TEXT PRIMARY KEY,
    settings      TEXT NOT NULL,
    sealed_secret BLOB NOT NULL,
    changed_by    TEXT NOT NULL,
    changed_at    INTEGER NOT NULL
) STRICT;

-- The output of a node's share on its way to a bucket.
CREATE TABLE output_upload (
    command_id      TEXT NOT NULL,
    node_id         TEXT NOT NULL,
    bucket          TEXT NOT NULL,
    prefix          TEXT NOT NULL,
    -- The store that takes it; empty while none does.
    store           TEXT NOT NULL,
    state           TEXT NOT NULL,
    queued_at       INTEGER NOT NULL,
    attempts        INTEGER NOT NULL,
    -- Since when it fails.
    failing_since   INTEGER,
    attempted_at    INTEGER,
    next_attempt_at INTEGER NOT NULL,
    ended_at        INTEGER,
    last_error      TEXT NOT NULL,
    -- Of its outputs in their order, so many are there already.
    done_count      INTEGER NOT NULL,
    -- What the store calls the upload in parts that is under way.
    multipart       TEXT,
    PRIMARY KEY (command_id, node_id),
    FOREIGN KEY (command_id, node_id) REFERENCES invocation (command_id, node_id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE INDEX output_upload_waiting ON output_upload (store, next_attempt_at, command_id, node_id) WHERE state = 'Waiting';
CREATE INDEX output_upload_attempted ON output_upload (attempted_at) WHERE state <> 'Uploaded';
CREATE INDEX output_upload_by_time ON output_upload (queued_at, command_id, node_id);
CREATE INDEX output_upload_by_state ON output_upload (state, queued_at, command_id, node_id);

-- Whether the output of the command's nodes goes to a bucket, too.
ALTER TABLE command ADD COLUMN uploads INTEGER NOT NULL DEFAULT 0;

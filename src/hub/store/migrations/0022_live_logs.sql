-- What has reached the hub of outputs that are shown as logs and still are written, and when it did. Once an output is stored
-- whole its bytes go from here; the times of its lines stay.
CREATE TABLE log_piece (
    command_id TEXT NOT NULL,
    node_id    TEXT NOT NULL,
    position   INTEGER NOT NULL,
    stream     TEXT NOT NULL,
    until      INTEGER NOT NULL,
    step       TEXT NOT NULL,
    at         INTEGER NOT NULL,
    bytes      BLOB NOT NULL,
    PRIMARY KEY (command_id, node_id, position, stream, until),
    FOREIGN KEY (command_id, node_id) REFERENCES invocation (command_id, node_id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE INDEX invocation_logged_open ON invocation (log_group, command_id, node_id) WHERE log_group IS NOT NULL AND ended_at IS NULL;

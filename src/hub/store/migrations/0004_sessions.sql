CREATE TABLE session (
    id           TEXT PRIMARY KEY,
    node_id      TEXT NOT NULL,
    owner        TEXT NOT NULL,
    reason       TEXT NOT NULL,
    document     TEXT NOT NULL,
    status       TEXT NOT NULL,
    details      TEXT NOT NULL,
    started_at   INTEGER NOT NULL,
    ended_at     INTEGER,
    idle_timeout_ms INTEGER NOT NULL,
    max_duration_ms INTEGER NOT NULL,
    opened       INTEGER NOT NULL
) STRICT;

CREATE INDEX session_by_time ON session (started_at, id);
CREATE INDEX session_open ON session (node_id) WHERE ended_at IS NULL;

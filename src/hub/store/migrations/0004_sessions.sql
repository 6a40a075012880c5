CREATE TABLE session (
    id              TEXT PRIMARY KEY,
    node_id         TEXT NOT NULL,
    owner           TEXT NOT NULL,
    reason          TEXT NOT NULL,
    document        TEXT NOT NULL,
    status          TEXT NOT NULL,
    shell           TEXT NOT NULL,
    details         TEXT NOT NULL,
    started_at      INTEGER NOT NULL,
    detached_at     INTEGER,
    ended_at        INTEGER,
    idle_timeout_ms INTEGER NOT NULL,
    max_duration_ms INTEGER NOT NULL
) STRICT;

CREATE INDEX session_by_time ON session (started_at, id);
CREATE INDEX session_by_node ON session (node_id, started_at, id);
CREATE INDEX session_by_owner ON session (owner, started_at, id);
CREATE INDEX session_active ON session (started_at, id) WHERE ended_at IS NULL;
CREATE INDEX session_over ON session (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX session_ending ON session (node_id) WHERE shell = 'Ending';

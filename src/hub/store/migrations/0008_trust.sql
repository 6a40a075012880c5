-- What a node's owner forbids there, as words for lists and filters; the whole stands in `facts`.
ALTER TABLE node ADD COLUMN lock TEXT NOT NULL DEFAULT '';

-- An operator's signature for opening the shell (JSON), where the node's owner asks for one.
ALTER TABLE session ADD COLUMN approval TEXT;

-- Two systems use the node's key: since when, and which.
ALTER TABLE node ADD COLUMN quarantined_at INTEGER;

CREATE TABLE twin (
    node_id       TEXT NOT NULL,
    machine_id    TEXT NOT NULL,
    boot_id       TEXT NOT NULL,
    address       TEXT NOT NULL,
    first_seen_at INTEGER NOT NULL,
    last_seen_at  INTEGER NOT NULL,
    was_connected INTEGER NOT NULL,
    leaving       INTEGER NOT NULL,
    PRIMARY KEY (node_id, machine_id, boot_id)
) STRICT, WITHOUT ROWID;

-- How far the node's clock is ahead of the hub's, as of its latest connect.
ALTER TABLE node ADD COLUMN clock_ahead_ms INTEGER;

-- For finding the record of a system that comes back with a new key.
ALTER TABLE node ADD COLUMN machine_id TEXT NOT NULL DEFAULT '';
CREATE INDEX node_by_machine ON node (machine_id) WHERE removed_at IS NULL;

ALTER TABLE activation ADD COLUMN needs_approval INTEGER NOT NULL DEFAULT 0;
-- The node whose copy joins by it.
ALTER TABLE activation ADD COLUMN twin_of TEXT;

CREATE TABLE join_request (
    id            TEXT PRIMARY KEY,
    key_hash      BLOB NOT NULL UNIQUE,
    activation_id TEXT NOT NULL,
    node_id       TEXT,
    state         TEXT NOT NULL,
    computer_name TEXT NOT NULL,
    machine_id    TEXT NOT NULL,
    platform      TEXT NOT NULL,
    address       TEXT NOT NULL,
    requested_at  INTEGER NOT NULL,
    last_seen_at  INTEGER NOT NULL,
    decided_at    INTEGER,
    decided_by    TEXT
) STRICT;

CREATE INDEX join_request_by_time ON join_request (requested_at, id);
CREATE INDEX join_request_by_state ON join_request (state, requested_at, id);

-- Fingerprint of the hub's key that the node pins; empty while it has not said so.
ALTER TABLE node ADD COLUMN hub_key TEXT NOT NULL DEFAULT '';

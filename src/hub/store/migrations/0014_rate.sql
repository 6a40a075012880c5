-- Rate control. An invocation is held until it is released: only then its node may be told.
ALTER TABLE invocation ADD COLUMN released_at INTEGER;
UPDATE invocation SET released_at = requested_at;
CREATE INDEX invocation_held ON invocation (command_id, node_id) WHERE released_at IS NULL AND ended_at IS NULL;

-- Invocations that are held, that ever were released, and that were released and have not ended.
ALTER TABLE command ADD COLUMN held_count INTEGER NOT NULL DEFAULT 0;
ALTER TABLE command ADD COLUMN released_count INTEGER NOT NULL DEFAULT 0;
ALTER TABLE command ADD COLUMN in_flight_count INTEGER NOT NULL DEFAULT 0;
CREATE INDEX command_held ON command (id) WHERE held_count > 0;

CREATE TABLE notification_channel (
    name          TEXT PRIMARY KEY,
    settings      TEXT NOT NULL,
    sealed_secret BLOB NOT NULL,
    changed_by    TEXT NOT NULL,
    changed_at    INTEGER NOT NULL
) STRICT;

CREATE TABLE notification (
    -- A number is never used again: receivers know by it what they have had.
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    channel         TEXT NOT NULL,
    message         TEXT NOT NULL,
    state           TEXT NOT NULL,
    queued_at       INTEGER NOT NULL,
    attempts        INTEGER NOT NULL,
    next_attempt_at INTEGER NOT NULL,
    ended_at        INTEGER,
    last_error      TEXT NOT NULL
) STRICT;

CREATE INDEX notification_waiting ON notification (channel, next_attempt_at, id) WHERE state = 'Waiting';
CREATE INDEX notification_by_channel ON notification (channel, state, id);
CREATE INDEX notification_ended ON notification (queued_at) WHERE state <> 'Waiting';

-- Whether a change of the command's state, or of a node's share, is to be told: `Command`, `Invocation`, or nothing.
ALTER TABLE command ADD COLUMN notify TEXT;

-- A key's limits and its last use.
ALTER TABLE access_key ADD COLUMN expires_at INTEGER;
ALTER TABLE access_key ADD COLUMN scope TEXT;
ALTER TABLE access_key ADD COLUMN last_used_from TEXT;
ALTER TABLE access_key ADD COLUMN last_used_service TEXT;
ALTER TABLE access_key ADD COLUMN stepped_up_until INTEGER;

-- Keys that end by themselves; they end with the key or user they came from, too.
CREATE TABLE temporary_key (
    id            TEXT PRIMARY KEY,
    sealed_secret BLOB NOT NULL,
    token_hash    BLOB NOT NULL,
    user_name     TEXT NOT NULL REFERENCES user (name) ON DELETE CASCADE,
    parent_id     TEXT REFERENCES access_key (id) ON DELETE CASCADE,
    role          TEXT,
    session_name  TEXT,
    scope         TEXT,
    created_at    INTEGER NOT NULL,
    expires_at    INTEGER NOT NULL,
    is_stepped_up INTEGER NOT NULL
) STRICT;

CREATE INDEX temporary_key_by_user ON temporary_key (user_name, expires_at);
CREATE INDEX temporary_key_by_parent ON temporary_key (parent_id);
CREATE INDEX temporary_key_by_expiry ON temporary_key (expires_at);

ALTER TABLE user ADD COLUMN must_change_password INTEGER NOT NULL DEFAULT 0;
ALTER TABLE user ADD COLUMN password_changed_at INTEGER;

-- Logins of people, kept here and named by a cookie of which only the hash is stored.
DROP TABLE console_session;

CREATE TABLE login_session (
    id               TEXT PRIMARY KEY,
    token_hash       BLOB NOT NULL,
    user_name        TEXT NOT NULL REFERENCES user (name) ON DELETE CASCADE,
    csrf_token       TEXT NOT NULL,
    stage            TEXT NOT NULL,
    method           TEXT NOT NULL,
    address          TEXT NOT NULL,
    agent            TEXT NOT NULL,
    created_at       INTEGER NOT NULL,
    last_seen_at     INTEGER NOT NULL,
    expires_at       INTEGER NOT NULL,
    stepped_up_until INTEGER
) STRICT;

CREATE UNIQUE INDEX login_session_by_token ON login_session (token_hash);
CREATE INDEX login_session_by_user ON login_session (user_name, created_at);

-- Browsers that a user has logged in with: strangers' failures do not slow them.
CREATE TABLE known_device (
    token_hash BLOB NOT NULL,
    user_name  TEXT NOT NULL REFERENCES user (name) ON DELETE CASCADE,
    seen_at    INTEGER NOT NULL,
    PRIMARY KEY (user_name, token_hash)
) STRICT, WITHOUT ROWID;

-- Second factors. A secret that is being enrolled stands beside the one in use until a code has confirmed it.
CREATE TABLE totp (
    user_name      TEXT PRIMARY KEY REFERENCES user (name) ON DELETE CASCADE,
    sealed_secret  BLOB,
    confirmed_at   INTEGER,
    last_step      INTEGER NOT NULL,
    pending_secret BLOB,
    pending_at     INTEGER
) STRICT;

CREATE TABLE recovery_code (
    user_name TEXT NOT NULL REFERENCES user (name) ON DELETE CASCADE,
    code_hash BLOB NOT NULL,
    used_at   INTEGER,
    PRIMARY KEY (user_name, code_hash)
) STRICT, WITHOUT ROWID;

-- What a role asks of its users' logins.
CREATE TABLE login_rule (
    role                  TEXT PRIMARY KEY,
    require_second_factor INTEGER NOT NULL,
    step_up_for_shell     INTEGER NOT NULL,
    step_up_for_root      INTEGER NOT NULL
) STRICT;

-- Keys of browsers, phones and security keys, each bound to the hub's name it was made under.
CREATE TABLE passkey (
    id           BLOB PRIMARY KEY,
    user_name    TEXT NOT NULL REFERENCES user (name) ON DELETE CASCADE,
    rp_id        TEXT NOT NULL,
    name         TEXT NOT NULL,
    public_key   BLOB NOT NULL,
    counter      INTEGER NOT NULL,
    created_at   INTEGER NOT NULL,
    last_used_at INTEGER
) STRICT;

CREATE INDEX passkey_by_user ON passkey (user_name, created_at);

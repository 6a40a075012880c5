ALTER TABLE user ADD COLUMN status TEXT NOT NULL DEFAULT 'Active';
ALTER TABLE user ADD COLUMN description TEXT NOT NULL DEFAULT '';
ALTER TABLE user ADD COLUMN scope TEXT NOT NULL DEFAULT '{}';

CREATE TABLE role (
    name        TEXT PRIMARY KEY,
    description TEXT NOT NULL,
    created_at  INTEGER NOT NULL
) STRICT;

CREATE TABLE user_role (
    user_name TEXT NOT NULL REFERENCES user (name) ON DELETE CASCADE,
    role_name TEXT NOT NULL,
    PRIMARY KEY (user_name, role_name)
) STRICT, WITHOUT ROWID;

CREATE INDEX user_role_by_role ON user_role (role_name, user_name);
INSERT INTO user_role (user_name, role_name) SELECT name, role FROM user;
ALTER TABLE user DROP COLUMN role;

CREATE TABLE policy (
    name        TEXT PRIMARY KEY,
    description TEXT NOT NULL,
    document    TEXT NOT NULL,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    updated_by  TEXT NOT NULL
) STRICT;

CREATE TABLE policy_attachment (
    holder_kind TEXT NOT NULL,
    holder      TEXT NOT NULL,
    policy_name TEXT NOT NULL REFERENCES policy (name) ON DELETE CASCADE,
    PRIMARY KEY (holder_kind, holder, policy_name)
) STRICT, WITHOUT ROWID;

CREATE INDEX policy_attachment_by_policy ON policy_attachment (policy_name, holder_kind, holder);

CREATE TABLE node_group (
    name        TEXT PRIMARY KEY,
    description TEXT NOT NULL,
    rule        TEXT,
    created_at  INTEGER NOT NULL
) STRICT;

CREATE TABLE node_group_member (
    group_name TEXT NOT NULL REFERENCES node_group (name) ON DELETE CASCADE,
    node_id    TEXT NOT NULL,
    PRIMARY KEY (group_name, node_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX node_group_member_by_node ON node_group_member (node_id, group_name);

CREATE TABLE rights_limit (
    holder_kind   TEXT NOT NULL,
    holder        TEXT NOT NULL,
    max_targets   INTEGER,
    confirm_above INTEGER,
    approve_above INTEGER,
    PRIMARY KEY (holder_kind, holder)
) STRICT, WITHOUT ROWID;

CREATE TABLE command_approval (
    command_id   TEXT PRIMARY KEY REFERENCES command (id) ON DELETE CASCADE,
    requested_by TEXT NOT NULL,
    node_count   INTEGER NOT NULL,
    requested_at INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL,
    decision     TEXT,
    decided_at   INTEGER,
    decided_by   TEXT,
    reason       TEXT NOT NULL DEFAULT ''
) STRICT, WITHOUT ROWID;

CREATE INDEX command_approval_open ON command_approval (expires_at) WHERE decision IS NULL;
CREATE INDEX command_approval_by_time ON command_approval (requested_at, command_id);

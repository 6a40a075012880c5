CREATE TABLE access_key (
    id            TEXT PRIMARY KEY,
    user_name     TEXT NOT NULL REFERENCES user (name) ON DELETE CASCADE,
    sealed_secret BLOB NOT NULL,
    description   TEXT NOT NULL,
    status        TEXT NOT NULL,
    created_at    INTEGER NOT NULL,
    last_used_at  INTEGER
, expires_at INTEGER, scope TEXT, last_used_from TEXT, last_used_service TEXT, stepped_up_until INTEGER, disabled_by TEXT) STRICT;

CREATE TABLE activation (
    id                 TEXT PRIMARY KEY,
    code_hash          BLOB NOT NULL,
    default_name       TEXT,
    description        TEXT NOT NULL,
    iam_role           TEXT NOT NULL,
    registration_limit INTEGER NOT NULL,
    registrations      INTEGER NOT NULL,
    created_by         TEXT NOT NULL,
    created_at         INTEGER NOT NULL,
    expires_at         INTEGER NOT NULL
, needs_approval INTEGER NOT NULL DEFAULT 0, twin_of TEXT) STRICT;

CREATE TABLE audit (
    seq        INTEGER PRIMARY KEY,
    at         INTEGER NOT NULL,
    request_id TEXT NOT NULL,
    caller     TEXT NOT NULL,
    user_name  TEXT NOT NULL,
    address    TEXT NOT NULL,
    operation  TEXT NOT NULL,
    target     TEXT NOT NULL,
    command_id TEXT NOT NULL,
    outcome    TEXT NOT NULL,
    repeats    INTEGER NOT NULL,
    detail     TEXT NOT NULL,
    hash       BLOB NOT NULL
, filed INTEGER NOT NULL DEFAULT 0) STRICT;

CREATE TABLE audit_delivery (
    sink            TEXT PRIMARY KEY,
    head_seq        INTEGER NOT NULL,
    row_seq         INTEGER NOT NULL,
    delivered_at    INTEGER,
    failures        INTEGER NOT NULL,
    next_attempt_at INTEGER NOT NULL,
    last_error      TEXT NOT NULL,
    last_error_at   INTEGER
) STRICT;

CREATE TABLE audit_head (
    seq       INTEGER PRIMARY KEY,
    hash      BLOB NOT NULL,
    at        INTEGER NOT NULL,
    key       BLOB NOT NULL,
    signature BLOB NOT NULL
) STRICT;

CREATE TABLE audit_node (
    seq     INTEGER NOT NULL,
    node_id TEXT NOT NULL,
    PRIMARY KEY (seq, node_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE audit_segment (
    last_seq  INTEGER PRIMARY KEY,
    first_seq INTEGER NOT NULL,
    hash      BLOB NOT NULL,
    at        INTEGER NOT NULL,
    file      TEXT NOT NULL,
    file_hash BLOB NOT NULL,
    key       BLOB NOT NULL,
    signature BLOB NOT NULL
) STRICT;

CREATE TABLE audit_witness (
    source    TEXT NOT NULL,
    seq       INTEGER NOT NULL,
    hash      BLOB NOT NULL,
    at        INTEGER NOT NULL,
    key       BLOB NOT NULL,
    signature BLOB NOT NULL,
    seen_at   INTEGER NOT NULL,
    PRIMARY KEY (seq, hash)
) STRICT, WITHOUT ROWID;

CREATE TABLE blob (
    hash    BLOB PRIMARY KEY,
    size    INTEGER NOT NULL,
    content BLOB
) STRICT, WITHOUT ROWID;

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
, lookups TEXT NOT NULL DEFAULT '{}', documents TEXT NOT NULL DEFAULT '{}', held_count INTEGER NOT NULL DEFAULT 0, released_count INTEGER NOT NULL DEFAULT 0, in_flight_count INTEGER NOT NULL DEFAULT 0, notify TEXT, log_group TEXT, uploads INTEGER NOT NULL DEFAULT 0) STRICT;

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

CREATE TABLE document (
    name            TEXT PRIMARY KEY,
    type            TEXT NOT NULL,
    owner           TEXT NOT NULL,
    default_version INTEGER NOT NULL,
    latest_version  INTEGER NOT NULL,
    last_version    INTEGER NOT NULL,
    created_at      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE document_attachment (
    name       TEXT NOT NULL,
    version    INTEGER NOT NULL,
    attachment TEXT NOT NULL,
    size       INTEGER NOT NULL,
    hash       BLOB NOT NULL,
    PRIMARY KEY (name, version, attachment),
    FOREIGN KEY (name, version) REFERENCES document_version (name, version) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE TABLE document_review (
    name       TEXT NOT NULL,
    version    INTEGER NOT NULL,
    position   INTEGER NOT NULL,
    status     TEXT NOT NULL,
    comment    TEXT,
    reviewer   TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (name, version, position),
    FOREIGN KEY (name, version) REFERENCES document_version (name, version) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE TABLE document_share (
    name           TEXT NOT NULL REFERENCES document (name) ON DELETE CASCADE,
    account_id     TEXT NOT NULL,
    shared_version TEXT NOT NULL,
    shared_at      INTEGER NOT NULL,
    position       INTEGER NOT NULL,
    PRIMARY KEY (name, account_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE document_version (
    name           TEXT NOT NULL REFERENCES document (name) ON DELETE CASCADE,
    version        INTEGER NOT NULL,
    version_name   TEXT,
    display_name   TEXT,
    format         TEXT NOT NULL,
    content        TEXT NOT NULL,
    sha256         TEXT NOT NULL,
    schema_version TEXT NOT NULL,
    description    TEXT NOT NULL,
    target_type    TEXT,
    requires       TEXT NOT NULL,
    on_windows     INTEGER NOT NULL,
    on_linux       INTEGER NOT NULL,
    on_macos       INTEGER NOT NULL,
    author         TEXT NOT NULL,
    review         TEXT,
    created_at     INTEGER NOT NULL,
    PRIMARY KEY (name, version)
) STRICT, WITHOUT ROWID;

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
    output_hash   BLOB, released_at INTEGER, log_group TEXT,
    PRIMARY KEY (command_id, node_id)
) STRICT, WITHOUT ROWID;

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

CREATE TABLE known_device (
    token_hash BLOB NOT NULL,
    user_name  TEXT NOT NULL REFERENCES user (name) ON DELETE CASCADE,
    seen_at    INTEGER NOT NULL,
    PRIMARY KEY (user_name, token_hash)
) STRICT, WITHOUT ROWID;

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

CREATE TABLE login_rule (
    role                  TEXT PRIMARY KEY,
    require_second_factor INTEGER NOT NULL,
    step_up_for_shell     INTEGER NOT NULL,
    step_up_for_root      INTEGER NOT NULL
, require_recovery_codes INTEGER NOT NULL DEFAULT 0) STRICT;

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

CREATE TABLE node (
    id             TEXT PRIMARY KEY,
    key_hash       BLOB NOT NULL UNIQUE,
    name           TEXT NOT NULL,
    activation_id  TEXT,
    iam_role       TEXT NOT NULL,
    joined_at      INTEGER NOT NULL,
    removed_at     INTEGER,
    status         TEXT NOT NULL,
    offline_reason TEXT,
    connected_at   INTEGER,
    last_seen_at   INTEGER,
    source_address TEXT NOT NULL,
    computer_name  TEXT NOT NULL,
    platform_id    TEXT NOT NULL,
    platform_name  TEXT NOT NULL,
    platform_version TEXT NOT NULL,
    architecture   TEXT NOT NULL,
    agent_version  TEXT NOT NULL,
    addresses      TEXT NOT NULL,
    booted_at      INTEGER,
    facts          TEXT NOT NULL
, lock TEXT NOT NULL DEFAULT '', quarantined_at INTEGER, clock_ahead_ms INTEGER, machine_id TEXT NOT NULL DEFAULT '', hub_key TEXT NOT NULL DEFAULT '') STRICT;

CREATE TABLE node_group (
    name        TEXT PRIMARY KEY,
    description TEXT NOT NULL,
    rule        TEXT,
    created_at  INTEGER NOT NULL
, query TEXT, criticality INTEGER, owner TEXT, display_name TEXT) STRICT;

CREATE TABLE node_group_member (
    group_name TEXT NOT NULL REFERENCES node_group (name) ON DELETE CASCADE,
    node_id    TEXT NOT NULL,
    PRIMARY KEY (group_name, node_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE node_parameter (
    node_id  TEXT NOT NULL REFERENCES node (id) ON DELETE CASCADE,
    key      TEXT NOT NULL,
    version  INTEGER NOT NULL,
    given_at INTEGER NOT NULL,
    PRIMARY KEY (node_id, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE node_parameter_access (
    name            TEXT PRIMARY KEY,
    path            TEXT NOT NULL,
    with_decryption INTEGER NOT NULL,
    nodes           TEXT NOT NULL,
    changed_by      TEXT NOT NULL,
    changed_at      INTEGER NOT NULL
) STRICT;

CREATE TABLE node_parameter_file (
    node_id TEXT NOT NULL REFERENCES node (id) ON DELETE CASCADE,
    target  TEXT NOT NULL,
    names   TEXT NOT NULL,
    problem TEXT,
    said_at INTEGER NOT NULL,
    PRIMARY KEY (node_id, target)
) STRICT, WITHOUT ROWID;

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

CREATE TABLE notification_channel (
    name          TEXT PRIMARY KEY,
    settings      TEXT NOT NULL,
    sealed_secret BLOB NOT NULL,
    changed_by    TEXT NOT NULL,
    changed_at    INTEGER NOT NULL
) STRICT;

CREATE TABLE object_store (
    name          TEXT PRIMARY KEY,
    settings      TEXT NOT NULL,
    sealed_secret BLOB NOT NULL,
    changed_by    TEXT NOT NULL,
    changed_at    INTEGER NOT NULL
) STRICT;

CREATE TABLE oidc_identity (
    issuer    TEXT NOT NULL,
    subject   TEXT NOT NULL,
    user_name TEXT NOT NULL REFERENCES user (name) ON DELETE CASCADE,
    PRIMARY KEY (issuer, subject)
) STRICT, WITHOUT ROWID;

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

CREATE TABLE parameter (
    key     TEXT PRIMARY KEY,
    name    TEXT NOT NULL,
    parent  TEXT NOT NULL,
    version INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE parameter_label (
    key     TEXT NOT NULL REFERENCES parameter (key) ON DELETE CASCADE,
    label   TEXT NOT NULL,
    version INTEGER NOT NULL,
    PRIMARY KEY (key, label)
) STRICT, WITHOUT ROWID;

CREATE TABLE parameter_policy (
    key      TEXT NOT NULL REFERENCES parameter (key) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    type     TEXT NOT NULL,
    text     TEXT NOT NULL,
    status   TEXT NOT NULL,
    due_at   INTEGER NOT NULL,
    PRIMARY KEY (key, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE parameter_version (
    key             TEXT NOT NULL REFERENCES parameter (key) ON DELETE CASCADE,
    version         INTEGER NOT NULL,
    type            TEXT NOT NULL,
    value           TEXT NOT NULL,
    data_type       TEXT NOT NULL,
    tier            TEXT NOT NULL,
    description     TEXT NOT NULL,
    allowed_pattern TEXT NOT NULL,
    policies        TEXT,
    key_id          TEXT,
    sealed_by       INTEGER,
    modified_at     INTEGER NOT NULL,
    modified_by     TEXT NOT NULL,
    PRIMARY KEY (key, version)
) STRICT, WITHOUT ROWID;

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

CREATE TABLE recovery_code (
    user_name TEXT NOT NULL REFERENCES user (name) ON DELETE CASCADE,
    code_hash BLOB NOT NULL,
    used_at   INTEGER,
    PRIMARY KEY (user_name, code_hash)
) STRICT, WITHOUT ROWID;

CREATE TABLE rights_limit (
    holder_kind   TEXT NOT NULL,
    holder        TEXT NOT NULL,
    max_targets   INTEGER,
    confirm_above INTEGER,
    approve_above INTEGER,
    PRIMARY KEY (holder_kind, holder)
) STRICT, WITHOUT ROWID;

CREATE TABLE role (
    name        TEXT PRIMARY KEY,
    description TEXT NOT NULL,
    created_at  INTEGER NOT NULL
) STRICT;

CREATE TABLE secret_key (
    id          TEXT PRIMARY KEY,
    alias       TEXT NOT NULL UNIQUE,
    description TEXT NOT NULL,
    status      TEXT NOT NULL,
    created_at  INTEGER NOT NULL,
    created_by  TEXT NOT NULL
) STRICT;

CREATE TABLE secret_key_version (
    id         INTEGER PRIMARY KEY,
    key_id     TEXT NOT NULL REFERENCES secret_key (id),
    sealed     BLOB NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

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
, approval TEXT, work TEXT) STRICT;

CREATE TABLE setting (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;

CREATE TABLE sqlite_sequence(name,seq);

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

CREATE TABLE tag (
    kind  TEXT NOT NULL,
    id    TEXT NOT NULL,
    key   TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (kind, id, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE tag_rule (
    key         TEXT NOT NULL,
    kind        TEXT NOT NULL,
    allowed     TEXT NOT NULL,
    is_required INTEGER NOT NULL,
    PRIMARY KEY (key, kind)
) STRICT, WITHOUT ROWID;

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
, login_session_id TEXT) STRICT;

CREATE TABLE totp (
    user_name      TEXT PRIMARY KEY REFERENCES user (name) ON DELETE CASCADE,
    sealed_secret  BLOB,
    confirmed_at   INTEGER,
    last_step      INTEGER NOT NULL,
    pending_secret BLOB,
    pending_at     INTEGER
) STRICT;

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

CREATE TABLE user (
    name          TEXT PRIMARY KEY,
    password_hash TEXT,
    created_at    INTEGER NOT NULL
, status TEXT NOT NULL DEFAULT 'Active', description TEXT NOT NULL DEFAULT '', scope TEXT NOT NULL DEFAULT '{}', must_change_password INTEGER NOT NULL DEFAULT 0, password_changed_at INTEGER) STRICT;

CREATE TABLE user_role (
    user_name TEXT NOT NULL REFERENCES user (name) ON DELETE CASCADE,
    role_name TEXT NOT NULL,
    PRIMARY KEY (user_name, role_name)
) STRICT, WITHOUT ROWID;

CREATE INDEX audit_by_command ON audit (lower(command_id), seq) WHERE command_id <> '' AND filed = 1;

CREATE INDEX audit_by_operation ON audit (lower(substr(operation, instr(operation, ':') + 1)), seq) WHERE filed = 1;

CREATE INDEX audit_by_target ON audit (lower(target), seq) WHERE filed = 1;

CREATE INDEX audit_by_time ON audit (at, seq) WHERE filed = 1;

CREATE INDEX audit_by_user ON audit (lower(user_name), seq) WHERE filed = 1;

CREATE INDEX audit_denied ON audit (seq) WHERE outcome = 'denied';

CREATE INDEX audit_node_by_node ON audit_node (node_id, seq);

CREATE INDEX command_approval_by_time ON command_approval (requested_at, command_id);

CREATE INDEX command_approval_open ON command_approval (expires_at) WHERE decision IS NULL;

CREATE INDEX command_by_document ON command (document_name, requested_at, id);

CREATE INDEX command_by_time ON command (requested_at, id);

CREATE INDEX command_held ON command (id) WHERE held_count > 0;

CREATE INDEX command_logged ON command (log_group, requested_at) WHERE log_group IS NOT NULL;

CREATE INDEX document_attachment_by_hash ON document_attachment (hash);

CREATE UNIQUE INDEX document_version_by_name ON document_version (name, version_name) WHERE version_name IS NOT NULL;

CREATE INDEX invocation_by_node ON invocation (node_id, requested_at, command_id);

CREATE INDEX invocation_by_status ON invocation (command_id, status, node_id);

CREATE INDEX invocation_by_time ON invocation (requested_at, command_id, node_id);

CREATE INDEX invocation_held ON invocation (command_id, node_id) WHERE released_at IS NULL AND ended_at IS NULL;

CREATE INDEX invocation_logged ON invocation (log_group, command_id, node_id) WHERE log_group IS NOT NULL;

CREATE INDEX invocation_logged_by_time ON invocation (log_group, ended_at, command_id, node_id) WHERE log_group IS NOT NULL;

CREATE INDEX invocation_logged_open ON invocation (log_group, command_id, node_id) WHERE log_group IS NOT NULL AND ended_at IS NULL;

CREATE INDEX invocation_open ON invocation (node_id, command_id) WHERE ended_at IS NULL;

CREATE INDEX invocation_running ON invocation (expires_at) WHERE ended_at IS NULL;

CREATE INDEX invocation_waiting ON invocation (start_before) WHERE ended_at IS NULL AND accepted_at IS NULL;

CREATE INDEX join_request_by_state ON join_request (state, requested_at, id);

CREATE INDEX join_request_by_time ON join_request (requested_at, id);

CREATE UNIQUE INDEX login_session_by_token ON login_session (token_hash);

CREATE INDEX login_session_by_user ON login_session (user_name, created_at);

CREATE INDEX node_by_activation ON node (activation_id);

CREATE INDEX node_by_machine ON node (machine_id) WHERE removed_at IS NULL;

CREATE INDEX node_by_name ON node (name, id) WHERE removed_at IS NULL;

CREATE INDEX node_by_status ON node (status, id) WHERE removed_at IS NULL;

CREATE INDEX node_group_member_by_node ON node_group_member (node_id, group_name);

CREATE INDEX node_parameter_by_key ON node_parameter (key, node_id);

CREATE INDEX node_removed ON node (id) WHERE removed_at IS NOT NULL;

CREATE INDEX notification_by_channel ON notification (channel, state, id);

CREATE INDEX notification_ended ON notification (queued_at) WHERE state <> 'Waiting';

CREATE INDEX notification_waiting ON notification (channel, next_attempt_at, id) WHERE state = 'Waiting';

CREATE UNIQUE INDEX oidc_identity_by_user ON oidc_identity (user_name);

CREATE INDEX output_upload_attempted ON output_upload (attempted_at) WHERE state <> 'Uploaded';

CREATE INDEX output_upload_by_state ON output_upload (state, queued_at, command_id, node_id);

CREATE INDEX output_upload_by_time ON output_upload (queued_at, command_id, node_id);

CREATE INDEX output_upload_waiting ON output_upload (store, next_attempt_at, command_id, node_id) WHERE state = 'Waiting';

CREATE INDEX parameter_by_parent ON parameter (parent, key);

CREATE INDEX parameter_policy_due ON parameter_policy (due_at, key, position) WHERE status = 'Pending';

CREATE INDEX parameter_version_sealed ON parameter_version (sealed_by, key, version) WHERE sealed_by IS NOT NULL;

CREATE INDEX passkey_by_user ON passkey (user_name, created_at);

CREATE INDEX policy_attachment_by_policy ON policy_attachment (policy_name, holder_kind, holder);

CREATE INDEX secret_key_version_by_key ON secret_key_version (key_id, id);

CREATE INDEX session_active ON session (started_at, id) WHERE ended_at IS NULL;

CREATE INDEX session_by_node ON session (node_id, started_at, id);

CREATE INDEX session_by_owner ON session (owner, started_at, id);

CREATE INDEX session_by_time ON session (started_at, id);

CREATE INDEX session_ending ON session (node_id) WHERE shell = 'Ending';

CREATE INDEX session_over ON session (ended_at) WHERE ended_at IS NOT NULL;

CREATE INDEX step_output_by_hash ON step_output (hash);

CREATE INDEX step_output_wanted ON step_output (node_id, command_id) WHERE wanted = 1;

CREATE INDEX tag_by_key ON tag (key, value, kind, id);

CREATE INDEX tag_by_text ON tag (kind, key, lower(value), id);

CREATE INDEX tag_by_value ON tag (kind, key, value, id);

CREATE INDEX temporary_key_by_expiry ON temporary_key (expires_at);

CREATE INDEX temporary_key_by_login ON temporary_key (login_session_id) WHERE login_session_id IS NOT NULL;

CREATE INDEX temporary_key_by_parent ON temporary_key (parent_id);

CREATE INDEX temporary_key_by_user ON temporary_key (user_name, expires_at);

CREATE INDEX user_role_by_role ON user_role (role_name, user_name);

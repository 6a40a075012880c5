-- Who switched a key off: what somebody else than its user switched off its user does not switch on again.
ALTER TABLE access_key ADD COLUMN disabled_by TEXT;

-- The login that made a temporary key; the key ends when that login is ended.
ALTER TABLE temporary_key ADD COLUMN login_session_id TEXT;
CREATE INDEX temporary_key_by_login ON temporary_key (login_session_id) WHERE login_session_id IS NOT NULL;

-- People of a single sign-on provider, by what it calls them, and the user that each became here.
CREATE TABLE oidc_identity (
    issuer    TEXT NOT NULL,
    subject   TEXT NOT NULL,
    user_name TEXT NOT NULL REFERENCES user (name) ON DELETE CASCADE,
    PRIMARY KEY (issuer, subject)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX oidc_identity_by_user ON oidc_identity (user_name);

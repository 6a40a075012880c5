-- Whether a role's users must have recovery codes.
ALTER TABLE login_rule ADD COLUMN require_recovery_codes INTEGER NOT NULL DEFAULT 0;

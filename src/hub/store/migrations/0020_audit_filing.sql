-- The indexes hold rows that are filed, many at a time: to file each by itself would write a page of every index with it.
ALTER TABLE audit ADD COLUMN filed INTEGER NOT NULL DEFAULT 0;

DROP INDEX audit_by_time;
DROP INDEX audit_by_user;
DROP INDEX audit_by_operation;
DROP INDEX audit_by_target;
DROP INDEX audit_by_command;

UPDATE audit SET filed = 1 WHERE seq <= (SELECT max(seq) - max(seq) % 256 FROM audit);

CREATE INDEX audit_by_time ON audit (at, seq) WHERE filed = 1;
CREATE INDEX audit_by_user ON audit (lower(user_name), seq) WHERE filed = 1;
CREATE INDEX audit_by_operation ON audit (lower(substr(operation, instr(operation, ':') + 1)), seq) WHERE filed = 1;
CREATE INDEX audit_by_target ON audit (lower(target), seq) WHERE filed = 1;
CREATE INDEX audit_by_command ON audit (lower(command_id), seq) WHERE command_id <> '' AND filed = 1;

-- Commands whose output is shown as a log (CloudWatchOutputConfig), and their shares: the name of the group. The output itself
-- stays where it is.
ALTER TABLE command ADD COLUMN log_group TEXT;
CREATE INDEX command_logged ON command (log_group, requested_at) WHERE log_group IS NOT NULL;

ALTER TABLE invocation ADD COLUMN log_group TEXT;
CREATE INDEX invocation_logged ON invocation (log_group, command_id, node_id) WHERE log_group IS NOT NULL;
CREATE INDEX invocation_logged_by_time ON invocation (log_group, ended_at, command_id, node_id) WHERE log_group IS NOT NULL;

CREATE INDEX tag_by_key ON tag (key, value, kind, id);
CREATE INDEX tag_by_text ON tag (kind, key, lower(value), id);

CREATE TABLE tag_rule (
    key         TEXT NOT NULL,
    kind        TEXT NOT NULL,
    allowed     TEXT NOT NULL,
    is_required INTEGER NOT NULL,
    PRIMARY KEY (key, kind)
) STRICT, WITHOUT ROWID;

ALTER TABLE node_group ADD COLUMN query TEXT;
ALTER TABLE node_group ADD COLUMN criticality INTEGER;
ALTER TABLE node_group ADD COLUMN owner TEXT;
ALTER TABLE node_group ADD COLUMN display_name TEXT;

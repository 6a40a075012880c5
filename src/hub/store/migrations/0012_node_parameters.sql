-- Which nodes may read which paths: one rule a row. `nodes` is JSON: all, ids, tags.
CREATE TABLE node_parameter_access (
    name            TEXT PRIMARY KEY,
    path            TEXT NOT NULL,
    with_decryption INTEGER NOT NULL,
    nodes           TEXT NOT NULL,
    changed_by      TEXT NOT NULL,
    changed_at      INTEGER NOT NULL
) STRICT;

-- What each node was given last: one row for each parameter that it holds. `given_at` is when this version went out.
CREATE TABLE node_parameter (
    node_id  TEXT NOT NULL REFERENCES node (id) ON DELETE CASCADE,
    key      TEXT NOT NULL,
    version  INTEGER NOT NULL,
    given_at INTEGER NOT NULL,
    PRIMARY KEY (node_id, key)
) STRICT, WITHOUT ROWID;

CREATE INDEX node_parameter_by_key ON node_parameter (key, node_id);

-- What each node makes of them, as its agent says: a file, the names in its template (JSON), and why it is not up to date.
CREATE TABLE node_parameter_file (
    node_id TEXT NOT NULL REFERENCES node (id) ON DELETE CASCADE,
    target  TEXT NOT NULL,
    names   TEXT NOT NULL,
    problem TEXT,
    said_at INTEGER NOT NULL,
    PRIMARY KEY (node_id, target)
) STRICT, WITHOUT ROWID;

-- Tags are for what the account owns: the hub's own documents took some once, and nothing could take them away now.
DELETE FROM tag WHERE kind = 'Document' AND id IN (SELECT name FROM document WHERE owner <> '');

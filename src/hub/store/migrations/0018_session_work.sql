-- What a session is for, out of its document and parameters (JSON); NULL is a plain shell.
ALTER TABLE session ADD COLUMN work TEXT;

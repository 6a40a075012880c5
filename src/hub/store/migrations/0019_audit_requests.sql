-- A request's id begins with its time, by which its rows are found.
DROP INDEX audit_by_request;

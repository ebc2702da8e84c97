-- What people decided about records on this node: settled conflicts, and what was done with the quarantine.
CREATE TABLE decision (
  n INTEGER PRIMARY KEY,
  at_ms INTEGER NOT NULL,
  act TEXT NOT NULL,
  record BLOB NOT NULL,
  kind TEXT NOT NULL,
  detail TEXT NOT NULL,
  user TEXT NOT NULL,
  reason TEXT NOT NULL,
  dropped BLOB           -- digest of the state that was put aside for good; NULL for other acts
);
CREATE INDEX decision_dropped ON decision (record) WHERE dropped IS NOT NULL;

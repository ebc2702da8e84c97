-- Two children may bring the same record, and neither be taken: each is kept, with its reason, for whoever brought it.
CREATE TABLE quarantine_by_sender (
  record BLOB NOT NULL,
  brought_by BLOB NOT NULL,       -- empty for what the parent refused
  inbound INTEGER NOT NULL,
  kind TEXT NOT NULL,
  sender BLOB NOT NULL,
  home BLOB NOT NULL,
  reason TEXT NOT NULL,
  detail TEXT NOT NULL,
  at_ms INTEGER NOT NULL,
  state BLOB NOT NULL,
  PRIMARY KEY (record, brought_by)
);
INSERT INTO quarantine_by_sender (record, brought_by, inbound, kind, sender, home, reason, detail, at_ms, state)
SELECT record, CASE WHEN inbound = 1 THEN sender ELSE x'' END, inbound, kind, sender, home, reason, detail, at_ms, state
FROM quarantine;
DROP TABLE quarantine;
ALTER TABLE quarantine_by_sender RENAME TO quarantine;

-- Files that were exported to be carried to the parent by hand: what a receipt needs to know of each.
CREATE TABLE exported (
  id INTEGER PRIMARY KEY,
  made_at_ms INTEGER NOT NULL,
  settled_at_ms INTEGER,          -- when its receipt was taken
  content BLOB NOT NULL           -- what was sent, and what was presumed of the parent
);

-- The engine's own tables. What people enter lives in `record` alone; each kind is a view of it, made at start
-- from the contract.

-- Numbers that only grow: `seq` (the last number given out), `saved_at` (the last time stamped), `forget` (how
-- often rows were dropped).
CREATE TABLE counter (name TEXT PRIMARY KEY, n INTEGER NOT NULL);
INSERT INTO counter (name, n) VALUES ('seq', 0), ('saved_at', 0), ('forget', 0);

-- Stretches of this database's life, oldest first.
CREATE TABLE timeline (
  n INTEGER PRIMARY KEY,
  id INTEGER NOT NULL UNIQUE,
  start_seq INTEGER NOT NULL,
  opened_at_ms INTEGER NOT NULL
);

-- No NOT NULL and no further UNIQUE here: a statement that writes many rows and may fail half-way keeps a journal
-- of its own, which costs a third of the rate. The program keeps these rules, and its tests look after them.
-- `n` never changes, so that the search index can refer to it. Wide columns come last.
CREATE TABLE record (
  n INTEGER PRIMARY KEY,
  id BLOB UNIQUE,
  kind TEXT,
  seq INTEGER,
  home BLOB,
  scope BLOB,            -- homes and audience, where they are more than `home` alone
  hidden INTEGER,
  refused INTEGER,
  deleted INTEGER,
  alternatives INTEGER,
  title TEXT,
  place TEXT,
  class INTEGER,
  step INTEGER,          -- workflow state, or status
  natural_key TEXT,
  words TEXT,            -- what search looks through, folded
  body BLOB,             -- the shown values, JSONB; NULL for a kind that is not known here
  state BLOB             -- exactly what travels
);
CREATE INDEX record_seq ON record (seq);
CREATE INDEX record_latest ON record (kind, seq);
CREATE INDEX record_list ON record (kind, hidden, place, title, deleted);
CREATE INDEX record_figure ON record (kind, hidden, home, class, step, place, deleted);
CREATE INDEX record_disputed ON record (kind, hidden, alternatives, deleted) WHERE alternatives > 0;

-- Which numbers the parent lacks.
CREATE TABLE unsent (seq INTEGER PRIMARY KEY, resend INTEGER NOT NULL);

CREATE TABLE revision (
  record BLOB NOT NULL,
  of_replica INTEGER NOT NULL,
  of_tick INTEGER NOT NULL,
  by_replica INTEGER NOT NULL,
  by_tick INTEGER NOT NULL,
  unsent INTEGER NOT NULL,
  fragment BLOB NOT NULL,
  PRIMARY KEY (record, of_replica, of_tick, by_replica, by_tick)
);

CREATE TABLE withdraw (
  child BLOB NOT NULL,
  record BLOB NOT NULL,
  seq INTEGER NOT NULL,
  PRIMARY KEY (child, record)
);
CREATE INDEX withdraw_seq ON withdraw (child, seq);

CREATE TABLE link (
  peer BLOB NOT NULL,
  up INTEGER NOT NULL,
  cursor_timeline INTEGER,
  cursor_seq INTEGER,
  ack_timeline INTEGER,
  ack_seq INTEGER,
  epoch INTEGER NOT NULL,
  last_success_ms INTEGER NOT NULL,
  last_failure_ms INTEGER NOT NULL,
  last_failure TEXT NOT NULL,
  clock_offset_ms INTEGER NOT NULL,
  peer_unsent INTEGER NOT NULL,
  peer_version TEXT NOT NULL,
  PRIMARY KEY (peer, up)
);

CREATE TABLE seal (
  base BLOB NOT NULL,
  timeline INTEGER NOT NULL,
  n INTEGER NOT NULL,
  at_ms INTEGER NOT NULL,
  unsent INTEGER NOT NULL,
  quarantined INTEGER NOT NULL,
  restored INTEGER NOT NULL,
  covers_seq INTEGER NOT NULL,
  exceptions BLOB NOT NULL,
  PRIMARY KEY (base, timeline)
);

CREATE TABLE tick (
  holder BLOB NOT NULL,
  base BLOB NOT NULL,
  timeline INTEGER NOT NULL,
  n INTEGER NOT NULL,
  PRIMARY KEY (holder, base)
);

CREATE TABLE quarantine (
  record BLOB NOT NULL,
  inbound INTEGER NOT NULL,
  kind TEXT NOT NULL,
  sender BLOB NOT NULL,
  home BLOB NOT NULL,
  reason TEXT NOT NULL,
  detail TEXT NOT NULL,
  at_ms INTEGER NOT NULL,
  state BLOB NOT NULL,
  PRIMARY KEY (record, inbound)
);

CREATE TABLE replica (id INTEGER PRIMARY KEY, base BLOB, tick INTEGER NOT NULL);

CREATE TABLE handed (record BLOB PRIMARY KEY, unattested INTEGER NOT NULL, context BLOB NOT NULL);
CREATE INDEX handed_unattested ON handed (record) WHERE unattested = 1;

CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB NOT NULL);

CREATE TABLE invite (
  code_hash BLOB PRIMARY KEY,
  base BLOB NOT NULL,
  issued_by TEXT NOT NULL,
  issued_at_ms INTEGER NOT NULL,
  expires_at_ms INTEGER NOT NULL,
  used_at_ms INTEGER
);

CREATE TABLE issued_certificate (
  serial BLOB PRIMARY KEY,
  base BLOB NOT NULL,
  not_after_ms INTEGER NOT NULL,
  issued_at_ms INTEGER NOT NULL
);

-- Pairs of characters of `record.words`, by `record.n`; filled when somebody searches, never while records arrive.
CREATE VIRTUAL TABLE record_search USING fts5 (
  pairs, content = '', contentless_delete = 1, detail = none, tokenize = 'ascii'
);
CREATE TABLE searched (one INTEGER PRIMARY KEY CHECK (one = 1), seq INTEGER NOT NULL);
INSERT INTO searched (one, seq) VALUES (1, 0);

-- What may concern a child is found in the index alone: a hub with fifty children would else look up every changed
-- record fifty times.
DROP INDEX record_seq;
CREATE INDEX record_seq ON record (seq, hidden, home, scope);

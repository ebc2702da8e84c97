-- What may concern a child is found without going past what concerns others: the changes of each home stand together, and
-- those of records with a scope that is more than their one home. What the condition names stands in the index too: SQLite
-- would else look each record up to read it.
DROP INDEX record_seq;
CREATE INDEX record_seq ON record (seq);
CREATE INDEX record_home ON record (home, seq, hidden, scope) WHERE hidden = 0 AND scope IS NULL;
CREATE INDEX record_scoped ON record (seq, hidden, scope) WHERE hidden = 0 AND scope IS NOT NULL;

-- What waits for the parent knows its row's place in the table, and so does what is looked up for a child: nothing is found by
-- its number alone any more. Each changed record had to be moved in that index, which was a page of its own to be made durable.
CREATE TABLE unsent_by_place (
  seq INTEGER PRIMARY KEY,
  resend INTEGER NOT NULL,
  n INTEGER NOT NULL              -- of the record
);
INSERT INTO unsent_by_place (seq, resend, n)
SELECT u.seq, u.resend, r.n FROM unsent u CROSS JOIN record r ON r.seq = u.seq;
DROP TABLE unsent;
ALTER TABLE unsent_by_place RENAME TO unsent;
DROP INDEX record_seq;

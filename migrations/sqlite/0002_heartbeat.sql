-- What a child said of its own database when it last called: where it stood, with which replica it wrote and how far that
-- had counted; the stretch before its present one; a replica that it no longer writes with, while edits of it are missing;
-- and when two live nodes last called under one identity.
ALTER TABLE link ADD COLUMN peer_timeline INTEGER;
ALTER TABLE link ADD COLUMN peer_seq INTEGER;
ALTER TABLE link ADD COLUMN peer_replica INTEGER;
ALTER TABLE link ADD COLUMN peer_tick INTEGER;
ALTER TABLE link ADD COLUMN former_timeline INTEGER;
ALTER TABLE link ADD COLUMN owed_replica INTEGER;
ALTER TABLE link ADD COLUMN owed_tick INTEGER;
ALTER TABLE link ADD COLUMN clone_at_ms INTEGER NOT NULL DEFAULT 0;

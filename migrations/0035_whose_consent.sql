-- A consent is one person's: whoever gives a password after them is asked too. last_user_id is whose login the login screen shows
-- again; without_session says that the person asked to use another login than the session's. grant_id is what the
-- sign-in ended in: its browser may come for the answer once more when it was lost on the way.
ALTER TABLE signins ADD COLUMN consented_by TEXT;
ALTER TABLE signins ADD COLUMN last_user_id TEXT;
ALTER TABLE signins ADD COLUMN without_session BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE signins ADD COLUMN grant_id TEXT;

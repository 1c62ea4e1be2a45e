-- The delivery record says how many codes have gone to an address lately; those that a manager has forgiven do not count.
ALTER TABLE messages ADD COLUMN forgiven BOOLEAN NOT NULL DEFAULT FALSE;
CREATE INDEX messages_of_address ON messages (address, created_at_ms);
CREATE INDEX messages_of_user ON messages (user_id);

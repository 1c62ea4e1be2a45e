-- Whose share of the room something takes up that anybody can leave here: the network that asked, or the client, where that has proven
-- who it is. Null in rows from before.
ALTER TABLE signins ADD COLUMN source TEXT;
CREATE INDEX signins_unproven ON signins (source, created_at) WHERE user_id IS NULL;
ALTER TABLE device_codes ADD COLUMN source TEXT;
CREATE INDEX device_codes_of_source ON device_codes (source, created_at);
ALTER TABLE pushed_requests ADD COLUMN source TEXT;
CREATE INDEX pushed_requests_of_source ON pushed_requests (source, created_at);

-- A sign-in that began from a pushed request may end later than that expires: so long, and no longer, the request is kept.
ALTER TABLE pushed_requests ADD COLUMN kept_until BIGINT NOT NULL DEFAULT 0;
UPDATE pushed_requests SET kept_until = expires_at + 86400;
DROP INDEX pushed_requests_expiry;
CREATE INDEX pushed_requests_kept ON pushed_requests (kept_until);

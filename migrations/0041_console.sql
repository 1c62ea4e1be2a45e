-- A sign-in may lead to the managers' console, which is no relying app: client_id is null then.
ALTER TABLE signins ADD COLUMN app_id TEXT REFERENCES clients (id) ON DELETE CASCADE;
UPDATE signins SET app_id = client_id;
ALTER TABLE signins DROP COLUMN client_id;
ALTER TABLE signins RENAME COLUMN app_id TO client_id;

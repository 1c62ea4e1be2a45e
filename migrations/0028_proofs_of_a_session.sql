-- When override_2fa first let somebody in by this session; it is recorded and announced once.
ALTER TABLE sessions ADD COLUMN overridden_at BIGINT;
-- The session whose password counts in a sign-in, for as long as that session lives.
ALTER TABLE signins ADD COLUMN session_id TEXT;

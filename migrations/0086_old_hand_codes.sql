-- Programs before this one run on.
-- Those that are over, for whoever deletes them.
CREATE INDEX hand_codes_expiry ON hand_codes (expires_at);

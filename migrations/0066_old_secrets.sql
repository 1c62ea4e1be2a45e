-- The secret before the newest: it works on beside that until its end, so that whoever puts the new one into an app has time.
ALTER TABLE clients ADD COLUMN old_secret_hash TEXT;
ALTER TABLE clients ADD COLUMN old_secret_sealed TEXT;
ALTER TABLE clients ADD COLUMN old_secret_until BIGINT;

CREATE INDEX clients_old_secret ON clients (old_secret_until) WHERE old_secret_until IS NOT NULL;

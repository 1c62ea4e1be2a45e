-- When a spent refresh token was used once more, because its app had lost the one that was given for it.
ALTER TABLE refresh_tokens ADD COLUMN retried_at BIGINT;

-- What apps can be told about a person beyond name and email: a JSON object of the claims of OIDC Core §5.1.
ALTER TABLE users ADD COLUMN claims TEXT NOT NULL DEFAULT '{}';

-- When somebody has shown that they read the mailbox that email names; null again as soon as email changes.
ALTER TABLE users ADD COLUMN email_verified_at BIGINT;

-- What a preferred_username of its own is compared by: an app may tell people apart by it, so two users never share one.
ALTER TABLE users ADD COLUMN preferred_key TEXT;
CREATE UNIQUE INDEX users_preferred ON users (preferred_key);

-- Programs before this one run on.

-- When somebody has last proven who they are and was let in, in seconds since 1970; 0 where nobody knows of any time. Read from the audit log
-- behind the pages: a sign-in writes nothing for it, and those of a program before this one count too.
ALTER TABLE users ADD COLUMN signed_in_at BIGINT NOT NULL DEFAULT 0;

UPDATE users SET signed_in_at = (
    SELECT MAX(e.at_ms) / 1000 FROM audit_events e
    WHERE e.user_id = users.id AND e.event IN ('signin.completed', 'signin.override')
      AND e.details NOT LIKE '%"by_session":true%')
WHERE id IN (
    SELECT e.user_id FROM audit_events e
    WHERE e.user_id IS NOT NULL AND e.event IN ('signin.completed', 'signin.override')
      AND e.details NOT LIKE '%"by_session":true%');

-- Of a session that is older than the log, the session says it.
UPDATE users SET signed_in_at = (
    SELECT MAX(CASE WHEN s.code_at > s.password_at THEN s.code_at ELSE s.password_at END) FROM sessions s WHERE s.user_id = users.id)
WHERE signed_in_at = 0 AND id IN (SELECT s.user_id FROM sessions s);

-- Until when the log was read: what came within the last minutes is read again, since a slow transaction may still bring some of it.
INSERT INTO signin_tally (id, at_ms, event_id)
SELECT 'last', COALESCE(MAX(at_ms) - 600000, 0), '' FROM audit_events;

-- Lists of people by it, and those who never signed in; few among many.
CREATE INDEX users_by_sign_in ON users (signed_in_at, login_key);

CREATE INDEX users_addressless_by_sign_in ON users (signed_in_at, login_key) WHERE addressless;

CREATE INDEX users_disabled_by_sign_in ON users (signed_in_at, login_key) WHERE status = 'disabled';

CREATE INDEX users_invited_by_sign_in ON users (signed_in_at, login_key) WHERE status = 'invited';

-- When somebody was on the console's home page last, and before that: what has happened since then is new to them.
CREATE TABLE console_visits (
    user_id    TEXT    NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    at         BIGINT  NOT NULL,
    before_at  BIGINT  NOT NULL
);

-- What the home page counts is few among many.
CREATE INDEX users_without_email ON users (group_id) WHERE email IS NULL;
CREATE INDEX audit_overrides ON audit_events (at_ms) WHERE event = 'signin.override';
CREATE INDEX audit_refusals ON audit_events (at_ms) WHERE event = 'signin.refused';

-- Who has asked for help because there was no way in for them: the last request of each.
CREATE TABLE help_requests (
    user_id    TEXT   NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    why        TEXT   NOT NULL,
    client_id  TEXT,
    asked_at   BIGINT NOT NULL,
    closed_at  BIGINT
);

CREATE INDEX help_requests_open ON help_requests (asked_at, user_id) WHERE closed_at IS NULL;

CREATE INDEX help_requests_age ON help_requests (asked_at);

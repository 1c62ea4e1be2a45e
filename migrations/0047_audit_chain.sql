-- Each event's place in the chain, and its hash over the one before and its own content; none for a moment after it was written.
ALTER TABLE audit_events ADD COLUMN seq BIGINT;

ALTER TABLE audit_events ADD COLUMN hash TEXT;

-- The tree that it belongs to, whatever becomes of the user or the group.
ALTER TABLE audit_events ADD COLUMN top_id TEXT;

UPDATE audit_events SET top_id = COALESCE(
    (SELECT g.top_id FROM groups g WHERE g.id = audit_events.group_id),
    (SELECT g.top_id FROM users u JOIN groups g ON g.id = u.group_id WHERE u.id = audit_events.user_id),
    (SELECT g.top_id FROM users a JOIN groups g ON g.id = a.group_id WHERE a.id = audit_events.actor));

CREATE UNIQUE INDEX audit_events_chain ON audit_events (seq);

CREATE INDEX audit_events_unchained ON audit_events (at_ms, id) WHERE seq IS NULL;

DROP INDEX audit_events_of_user;

CREATE INDEX audit_events_of_user ON audit_events (user_id, at_ms, id);

CREATE INDEX audit_events_of_actor ON audit_events (actor, at_ms, id);

CREATE INDEX audit_events_of_kind ON audit_events (event, at_ms, id);

CREATE INDEX audit_events_of_tree ON audit_events (top_id, at_ms, id);

-- Where the chain begins and ends, sealed with the master key.
CREATE TABLE audit_head (
    id          TEXT   NOT NULL PRIMARY KEY,
    from_seq    BIGINT NOT NULL,
    from_hash   TEXT   NOT NULL,
    seq         BIGINT NOT NULL,
    hash        TEXT   NOT NULL,
    seal        TEXT   NOT NULL
);

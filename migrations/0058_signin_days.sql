-- How many sign-ins of a day ended in which way, by group (empty for none): counted from the audit log, which is too long to be read
-- whenever somebody looks.
CREATE TABLE signin_days (
    day       BIGINT  NOT NULL,
    group_id  TEXT    NOT NULL,
    outcome   TEXT    NOT NULL,
    n         BIGINT  NOT NULL,
    PRIMARY KEY (day, group_id, outcome)
);

-- The last event that has been counted.
CREATE TABLE signin_tally (
    id        TEXT    NOT NULL PRIMARY KEY,
    at_ms     BIGINT  NOT NULL,
    event_id  TEXT    NOT NULL
);
INSERT INTO signin_tally (id, at_ms, event_id) VALUES ('signins', 0, '');

-- The domains in which the addresses of a group's people, and of those below it, count as verified: an operator vouches for them.
CREATE TABLE vouched_domains (
    group_id  TEXT  NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
    domain    TEXT  NOT NULL,
    PRIMARY KEY (group_id, domain)
);

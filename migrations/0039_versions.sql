-- What processes keep in memory: a change counts its version up, in the same transaction.
CREATE TABLE versions (
    name TEXT PRIMARY KEY,
    version BIGINT NOT NULL
);
INSERT INTO versions (name, version) VALUES ('clients', 1);

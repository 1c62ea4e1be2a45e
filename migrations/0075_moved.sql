-- What an import has brought: what the source knows it by, what it is here, and what the source said of it then, so that a later import
-- tells what has changed there from what has been changed here. It stays when what was brought is deleted: that does not come again.
CREATE TABLE moved (
    source    TEXT    NOT NULL,
    kind      TEXT    NOT NULL,
    key       TEXT    NOT NULL,
    local_id  TEXT    NOT NULL,
    said      TEXT    NOT NULL,
    moved_at  BIGINT  NOT NULL,
    PRIMARY KEY (source, kind, key)
);
-- What apps knew somebody by where they come from.
ALTER TABLE users ADD COLUMN legacy_id TEXT;
CREATE UNIQUE INDEX users_legacy ON users (legacy_id);

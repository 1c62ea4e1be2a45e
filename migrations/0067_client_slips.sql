-- What apps have done wrong: one row for each kind of mistake and each day, so that nobody can fill the table.
CREATE TABLE client_slips (
    client_id  TEXT    NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    slip       TEXT    NOT NULL,
    day        BIGINT  NOT NULL,
    n          BIGINT  NOT NULL,
    last_at    BIGINT  NOT NULL,
    said       TEXT    NOT NULL,
    PRIMARY KEY (client_id, slip, day)
);

CREATE INDEX client_slips_last ON client_slips (last_at);
CREATE INDEX client_slips_day ON client_slips (day);

-- A notice is owed although the session's row is gone: its user was deleted. So the row says itself whose session it was and how
-- long it is kept. next_at is null while the session lives; what ends the session sets it, and what settles the notice clears it.
DROP TABLE session_clients;
CREATE TABLE session_clients (
    session_id  TEXT    NOT NULL,
    client_id   TEXT    NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    user_id     TEXT    NOT NULL,
    attempts    BIGINT  NOT NULL,
    next_at     BIGINT,
    done_at     BIGINT,
    expires_at  BIGINT  NOT NULL,
    PRIMARY KEY (session_id, client_id)
);
CREATE INDEX session_clients_of_client ON session_clients (client_id);
CREATE INDEX session_clients_of_user ON session_clients (user_id);
CREATE INDEX session_clients_waiting ON session_clients (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX session_clients_expiry ON session_clients (expires_at);

-- What the OAuth family needs beside the code flow: proofs of possession, pushed requests, devices, logout notices.

-- A secret that the provider must know to check what is keyed with it (client_secret_jwt), sealed; and the token
-- with which a client that has registered itself manages its registration.
ALTER TABLE clients ADD COLUMN secret_sealed TEXT;
ALTER TABLE clients ADD COLUMN registration_token_hash TEXT;

-- What else was granted: requested claims and resources, as JSON.
ALTER TABLE grants ADD COLUMN details TEXT NOT NULL DEFAULT '{}';

-- The key that must be proven when the code or refresh token is used (RFC 9449, RFC 8705), as JSON.
ALTER TABLE authorization_codes ADD COLUMN bound_to TEXT;
ALTER TABLE refresh_tokens ADD COLUMN bound_to TEXT;

-- The refresh token that was given for this one.
ALTER TABLE refresh_tokens ADD COLUMN successor_hash TEXT;

-- RFC 9126: parameters is the checked request as JSON pairs.
CREATE TABLE pushed_requests (
    uri_hash    TEXT    NOT NULL PRIMARY KEY,
    client_id   TEXT    NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    parameters  TEXT    NOT NULL,
    dpop_jkt    TEXT,
    created_at  BIGINT  NOT NULL,
    expires_at  BIGINT  NOT NULL,
    used_at     BIGINT
);
CREATE INDEX pushed_requests_of_client ON pushed_requests (client_id);
CREATE INDEX pushed_requests_expiry ON pushed_requests (expires_at);

-- RFC 8628: one device that waits for a person. grant_id is set when they have allowed it, denied_at when not.
CREATE TABLE device_codes (
    code_hash      TEXT    NOT NULL PRIMARY KEY,
    user_code_key  TEXT    NOT NULL UNIQUE,
    client_id      TEXT    NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    request        TEXT    NOT NULL,
    grant_id       TEXT    REFERENCES grants (id) ON DELETE CASCADE,
    created_at     BIGINT  NOT NULL,
    expires_at     BIGINT  NOT NULL,
    pace           BIGINT  NOT NULL,
    polled_at      BIGINT,
    denied_at      BIGINT,
    spent_at       BIGINT
);
CREATE INDEX device_codes_of_client ON device_codes (client_id);
CREATE INDEX device_codes_of_grant ON device_codes (grant_id);
CREATE INDEX device_codes_expiry ON device_codes (expires_at);

-- Names that count once: the jti of assertions, proofs and request objects, and of access tokens that were revoked.
CREATE TABLE seen_ids (
    purpose     TEXT    NOT NULL,
    id_hash     TEXT    NOT NULL,
    expires_at  BIGINT  NOT NULL,
    PRIMARY KEY (purpose, id_hash)
);
CREATE INDEX seen_ids_expiry ON seen_ids (expires_at);

-- Who has signed in where, so that they can be told when the session has ended (Back-Channel and Front-Channel Logout).
CREATE TABLE session_clients (
    session_id  TEXT    NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    client_id   TEXT    NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    attempts    BIGINT  NOT NULL,
    next_at     BIGINT  NOT NULL,
    done_at     BIGINT,
    PRIMARY KEY (session_id, client_id)
);
CREATE INDEX session_clients_of_client ON session_clients (client_id);
CREATE INDEX session_clients_waiting ON session_clients (next_at) WHERE done_at IS NULL;

-- RFC 7591 §3: what lets somebody register clients.
CREATE TABLE initial_access_tokens (
    token_hash  TEXT    NOT NULL PRIMARY KEY,
    note        TEXT,
    uses_left   BIGINT  NOT NULL,
    created_at  BIGINT  NOT NULL,
    expires_at  BIGINT  NOT NULL
);
CREATE INDEX initial_access_tokens_expiry ON initial_access_tokens (expires_at);

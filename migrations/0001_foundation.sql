-- One text for SQLite and PostgreSQL: TEXT, BIGINT, BOOLEAN, ids made by the program.
-- Columns ending in _at are seconds since 1970 (UTC); those ending in _at_ms are milliseconds, where order matters.
-- Columns ending in _hash hold SHA-256 of at least 128 random bits, never the secret itself.

CREATE TABLE groups (
    id          TEXT    NOT NULL PRIMARY KEY,
    parent_id   TEXT    REFERENCES groups (id),
    top_id      TEXT    NOT NULL,
    name        TEXT    NOT NULL,
    name_key    TEXT    NOT NULL,
    language    TEXT    NOT NULL,
    two_factor  BOOLEAN NOT NULL,
    created_at  BIGINT  NOT NULL
);
CREATE UNIQUE INDEX groups_name_among_siblings ON groups ((COALESCE(parent_id, '')), name_key);
CREATE INDEX groups_of_tree ON groups (top_id);

-- group_id is the top-level group that the role serves; the site administrator's role serves none.
CREATE TABLE roles (
    id          TEXT    NOT NULL PRIMARY KEY,
    group_id    TEXT    REFERENCES groups (id),
    name        TEXT    NOT NULL,
    name_key    TEXT    NOT NULL,
    rank        BIGINT  NOT NULL,
    rights      TEXT    NOT NULL,
    created_at  BIGINT  NOT NULL
);
CREATE UNIQUE INDEX roles_name_in_tree ON roles ((COALESCE(group_id, '')), name_key);

CREATE TABLE users (
    id             TEXT    NOT NULL PRIMARY KEY,
    login          TEXT    NOT NULL,
    login_key      TEXT    NOT NULL UNIQUE,
    name           TEXT,
    email          TEXT,
    status         TEXT    NOT NULL,
    group_id       TEXT    REFERENCES groups (id),
    role_id        TEXT    NOT NULL REFERENCES roles (id),
    password_hash  TEXT,
    created_at     BIGINT  NOT NULL,
    updated_at     BIGINT  NOT NULL
);
CREATE INDEX users_of_group ON users (group_id);
CREATE INDEX users_of_role ON users (role_id);

-- Every one-time link carries its purpose; a spent or expired one stays until it is purged.
CREATE TABLE links (
    token_hash  TEXT    NOT NULL PRIMARY KEY,
    purpose     TEXT    NOT NULL,
    user_id     TEXT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at  BIGINT  NOT NULL,
    expires_at  BIGINT  NOT NULL,
    spent_at    BIGINT
);
CREATE INDEX links_of_user ON links (user_id);
CREATE INDEX links_expiry ON links (expires_at);

-- Wrong codes of one user over all sign-ins; stopped_at stays until a manager or a password reset clears it.
CREATE TABLE code_budgets (
    user_id     TEXT    NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    since_at    BIGINT  NOT NULL,
    wrong       BIGINT  NOT NULL,
    stopped_at  BIGINT
);

-- Password failures of an account, a network or a known browser; subject is a hash of which.
CREATE TABLE throttles (
    subject        TEXT    NOT NULL PRIMARY KEY,
    failures       BIGINT  NOT NULL,
    not_before_at  BIGINT  NOT NULL,
    updated_at     BIGINT  NOT NULL
);
CREATE INDEX throttles_age ON throttles (updated_at);

CREATE TABLE known_browsers (
    browser_hash  TEXT    NOT NULL,
    user_id       TEXT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    seen_at       BIGINT  NOT NULL,
    PRIMARY KEY (browser_hash, user_id)
);
CREATE INDEX known_browsers_age ON known_browsers (seen_at);
CREATE INDEX known_browsers_of_user ON known_browsers (user_id);

CREATE TABLE clients (
    id           TEXT    NOT NULL PRIMARY KEY,
    secret_hash  TEXT,
    metadata     TEXT    NOT NULL,
    created_at   BIGINT  NOT NULL,
    updated_at   BIGINT  NOT NULL
);

CREATE TABLE sessions (
    id            TEXT    NOT NULL PRIMARY KEY,
    token_hash    TEXT    NOT NULL UNIQUE,
    user_id       TEXT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    password_at   BIGINT  NOT NULL,
    code_at       BIGINT,
    created_at    BIGINT  NOT NULL,
    seen_at       BIGINT  NOT NULL,
    expires_at    BIGINT  NOT NULL,
    ended_at      BIGINT
);
CREATE INDEX sessions_of_user ON sessions (user_id);
CREATE INDEX sessions_expiry ON sessions (expires_at);

-- One pending authorization request and how far its person has come. browser_hash is null until a request
-- that came by a cross-site POST has been taken up by its browser. request is the parsed request, as JSON.
CREATE TABLE signins (
    id            TEXT    NOT NULL PRIMARY KEY,
    browser_hash  TEXT,
    client_id     TEXT    NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    request       TEXT    NOT NULL,
    user_id       TEXT    REFERENCES users (id) ON DELETE CASCADE,
    password_at   BIGINT,
    code_at       BIGINT,
    consented_at  BIGINT,
    notice        TEXT,
    codes_sent    BIGINT  NOT NULL,
    created_at    BIGINT  NOT NULL,
    expires_at    BIGINT  NOT NULL,
    finished_at   BIGINT
);
CREATE INDEX signins_of_user ON signins (user_id);
CREATE INDEX signins_expiry ON signins (expires_at);

-- Mail waiting to be sent and the record of what became of it. sealed is the message, encrypted; it is
-- emptied once the message has been accepted, refused or given up.
CREATE TABLE messages (
    id             TEXT    NOT NULL PRIMARY KEY,
    purpose        TEXT    NOT NULL,
    user_id        TEXT,
    address        TEXT    NOT NULL,
    reference      TEXT,
    sealed         TEXT,
    state          TEXT    NOT NULL,
    attempts       BIGINT  NOT NULL,
    answer         TEXT,
    created_at_ms  BIGINT  NOT NULL,
    next_at        BIGINT  NOT NULL,
    expires_at     BIGINT  NOT NULL,
    done_at        BIGINT
);
CREATE INDEX messages_waiting ON messages (state, next_at);
CREATE INDEX messages_age ON messages (created_at_ms);

CREATE TABLE challenges (
    id          TEXT    NOT NULL PRIMARY KEY,
    signin_id   TEXT    NOT NULL REFERENCES signins (id) ON DELETE CASCADE,
    user_id     TEXT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    code_mac    TEXT    NOT NULL,
    reference   TEXT    NOT NULL,
    address     TEXT    NOT NULL,
    message_id  TEXT    REFERENCES messages (id) ON DELETE SET NULL,
    attempts    BIGINT  NOT NULL,
    created_at  BIGINT  NOT NULL,
    expires_at  BIGINT  NOT NULL,
    spent_at    BIGINT,
    ended_at    BIGINT
);
CREATE INDEX challenges_of_signin ON challenges (signin_id);
CREATE INDEX challenges_of_user ON challenges (user_id);
CREATE INDEX challenges_of_message ON challenges (message_id);

-- A code that a manager hands over (user code LOGIN): good for any one sign-in of that user, once.
CREATE TABLE hand_codes (
    id          TEXT    NOT NULL PRIMARY KEY,
    user_id     TEXT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    code_mac    TEXT    NOT NULL,
    attempts    BIGINT  NOT NULL,
    created_at  BIGINT  NOT NULL,
    expires_at  BIGINT  NOT NULL,
    spent_at    BIGINT
);
CREATE INDEX hand_codes_of_user ON hand_codes (user_id);

-- What a person has agreed to once, so that they are not asked again.
CREATE TABLE consents (
    user_id     TEXT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    client_id   TEXT    NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    scopes      TEXT    NOT NULL,
    granted_at  BIGINT  NOT NULL,
    PRIMARY KEY (user_id, client_id)
);
CREATE INDEX consents_of_client ON consents (client_id);

-- One finished authorization; its authorization code, its refresh tokens and its access tokens end with it.
CREATE TABLE grants (
    id           TEXT    NOT NULL PRIMARY KEY,
    user_id      TEXT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    client_id    TEXT    NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    session_id   TEXT    NOT NULL,
    scopes       TEXT    NOT NULL,
    nonce        TEXT,
    amr          TEXT    NOT NULL,
    acr          TEXT    NOT NULL,
    auth_time    BIGINT  NOT NULL,
    created_at   BIGINT  NOT NULL,
    expires_at   BIGINT  NOT NULL,
    ended_at     BIGINT
);
CREATE INDEX grants_of_user ON grants (user_id);
CREATE INDEX grants_of_client ON grants (client_id);
CREATE INDEX grants_of_session ON grants (session_id);
CREATE INDEX grants_expiry ON grants (expires_at);

CREATE TABLE authorization_codes (
    code_hash       TEXT    NOT NULL PRIMARY KEY,
    grant_id        TEXT    NOT NULL REFERENCES grants (id) ON DELETE CASCADE,
    redirect_uri    TEXT    NOT NULL,
    code_challenge  TEXT,
    expires_at      BIGINT  NOT NULL,
    spent_at        BIGINT
);
CREATE INDEX authorization_codes_of_grant ON authorization_codes (grant_id);

CREATE TABLE refresh_tokens (
    token_hash  TEXT    NOT NULL PRIMARY KEY,
    grant_id    TEXT    NOT NULL REFERENCES grants (id) ON DELETE CASCADE,
    created_at  BIGINT  NOT NULL,
    expires_at  BIGINT  NOT NULL,
    spent_at    BIGINT
);
CREATE INDEX refresh_tokens_of_grant ON refresh_tokens (grant_id);
CREATE INDEX refresh_tokens_expiry ON refresh_tokens (expires_at);

-- A key is published from created_at, signs from active_at until retired_at, and stays published until expires_at.
CREATE TABLE signing_keys (
    kid         TEXT    NOT NULL PRIMARY KEY,
    algorithm   TEXT    NOT NULL,
    public_jwk  TEXT    NOT NULL,
    sealed      TEXT    NOT NULL,
    created_at  BIGINT  NOT NULL,
    active_at   BIGINT  NOT NULL,
    retired_at  BIGINT,
    expires_at  BIGINT
);
-- Two processes that make keys at the same time make one set.
CREATE UNIQUE INDEX signing_keys_newest ON signing_keys (algorithm) WHERE retired_at IS NULL;

CREATE TABLE audit_events (
    id         TEXT    NOT NULL PRIMARY KEY,
    at_ms      BIGINT  NOT NULL,
    event      TEXT    NOT NULL,
    actor      TEXT    NOT NULL,
    user_id    TEXT,
    group_id   TEXT,
    client_id  TEXT,
    network    TEXT,
    details    TEXT    NOT NULL
);
CREATE INDEX audit_events_order ON audit_events (at_ms, id);
CREATE INDEX audit_events_of_user ON audit_events (user_id, at_ms);

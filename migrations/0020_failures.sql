-- Passwords (and device codes) that were found wrong; subject is a hash of what they are counted for, account that of the login where there
-- is one. debt is how many seconds it takes from failed_at until all of them are forgotten.
DROP TABLE throttles;
CREATE TABLE failures (
    subject    TEXT    NOT NULL PRIMARY KEY,
    account    TEXT,
    debt       BIGINT  NOT NULL,
    failed_at  BIGINT  NOT NULL
);
CREATE INDEX failures_age ON failures (failed_at);
CREATE INDEX failures_of_account ON failures (account);

-- Whoever was told to wait is heard at heard_at, whatever others do meanwhile. holder is a hash of who it is.
CREATE TABLE places (
    holder    TEXT    NOT NULL PRIMARY KEY,
    account   TEXT    NOT NULL,
    network   TEXT    NOT NULL,
    heard_at  BIGINT  NOT NULL
);
CREATE INDEX places_of_account ON places (account, heard_at);
CREATE INDEX places_of_network ON places (network, heard_at);
CREATE INDEX places_age ON places (heard_at);

-- Who has no address that mail could reach, neither as email nor as login. True is a doubt, which the program looks at: so whoever is
-- written by a version before is never left out. Here only what is an address beyond doubt is told to be one.
ALTER TABLE users ADD COLUMN addressless BOOLEAN NOT NULL DEFAULT TRUE;

UPDATE users SET addressless = FALSE WHERE id IN (
    SELECT id FROM (SELECT id, COALESCE(NULLIF(TRIM(email), ''), login) AS address FROM users) AS reached
    WHERE ltrim(address, 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+-@') = ''
      AND length(address) <= 60 AND address LIKE '_%@_%._%' AND address NOT LIKE '%@%@%'
      AND address NOT LIKE '.%' AND address NOT LIKE '%.@%' AND address NOT LIKE '%..%' AND address NOT LIKE '%.'
      AND address NOT LIKE '%@.%' AND address NOT LIKE '%@%+%' AND address NOT LIKE '%@%!_%' ESCAPE '!'
      AND address NOT LIKE '%@-%' AND address NOT LIKE '%-.%' AND address NOT LIKE '%.-%' AND address NOT LIKE '%-'
      AND address NOT LIKE '%@%--%');

-- Few among many, for the pages that name them.
CREATE INDEX users_addressless_of_group ON users (group_id, login_key) WHERE addressless;

CREATE INDEX users_addressless ON users (login_key) WHERE addressless;

DROP INDEX users_without_email;

CREATE INDEX code_budgets_stopped ON code_budgets (user_id) WHERE stopped_at IS NOT NULL;

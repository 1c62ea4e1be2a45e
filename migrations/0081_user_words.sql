-- Programs before this one run on.

-- By what a user is searched for: their login, their address, and their name from each of its words on, folded, in hexadecimal digits, which
-- every database puts into the same order whatever its locale is. Made by the program, behind the pages; `words_of` is of which login,
-- address and name they are. Whoever has others by now, or none yet, is in the index below, and is looked at directly: whoever writes users need not know of it.
CREATE TABLE user_words (
    word       TEXT  NOT NULL,
    login_key  TEXT  NOT NULL,
    user_id    TEXT  NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    PRIMARY KEY (word, login_key, user_id)
);
CREATE INDEX user_words_of_user ON user_words (user_id, word);

ALTER TABLE users ADD COLUMN words_of TEXT;

CREATE INDEX users_without_words ON users (login_key)
WHERE CASE WHEN words_of = login_key || '
' || COALESCE(email, '') || '
' || COALESCE(name, '') THEN 0 ELSE 1 END = 1;

-- Lists of people by name.
CREATE INDEX users_by_name ON users ((lower(COALESCE(name, ''))), login_key);

-- Few among many.
CREATE INDEX users_disabled ON users (login_key) WHERE status = 'disabled';

CREATE INDEX users_invited ON users (login_key) WHERE status = 'invited';

CREATE INDEX messages_refused ON messages (user_id) WHERE state = 'refused';

-- How many of a group are in which state, with which role.
CREATE INDEX users_of_group_by_status ON users (group_id, status, role_id);

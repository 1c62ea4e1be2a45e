-- What became of the last message to somebody is asked for each of a group; and the holders of one role are gone through by login.
CREATE INDEX messages_of_user_by_age ON messages (user_id, created_at_ms);

DROP INDEX messages_of_user;

CREATE INDEX users_of_role_by_login ON users (role_id, login_key);

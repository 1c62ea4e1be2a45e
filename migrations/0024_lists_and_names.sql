-- Lists of one group's people, and the question who holds which role where, read no more than they answer.
CREATE INDEX users_of_group_by_login ON users (group_id, login_key);
DROP INDEX users_of_group;
CREATE INDEX users_of_role_by_group ON users (role_id, group_id);
DROP INDEX users_of_role;

-- What somebody was called when it happened: a login may change hands, and users are deleted.
ALTER TABLE audit_events ADD COLUMN actor_login TEXT;
ALTER TABLE audit_events ADD COLUMN user_login TEXT;

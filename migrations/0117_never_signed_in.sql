-- Programs before this one run on.

-- Who never signed in, of a role or a group: else PostgreSQL goes through all of them, and sorts. The range is that of the queries.
CREATE INDEX users_never_of_role ON users (role_id, login_key) WHERE signed_in_at <= 0 AND status <> 'disabled';

CREATE INDEX users_never_of_group ON users (group_id, login_key) WHERE signed_in_at <= 0 AND status <> 'disabled';

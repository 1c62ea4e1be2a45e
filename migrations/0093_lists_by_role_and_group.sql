-- Programs before this one run on.

-- Lists of people by role and by group: those of one kind in one role or group, in the order of their logins; few among many.
CREATE INDEX users_addressless_of_role ON users (role_id, login_key) WHERE addressless;

CREATE INDEX users_disabled_of_role ON users (role_id, login_key) WHERE status = 'disabled';

CREATE INDEX users_invited_of_role ON users (role_id, login_key) WHERE status = 'invited';

CREATE INDEX users_disabled_of_group ON users (group_id, login_key) WHERE status = 'disabled';

CREATE INDEX users_invited_of_group ON users (group_id, login_key) WHERE status = 'invited';

-- The roles, and the groups, by name.
CREATE INDEX roles_by_name ON roles (name_key, id);

CREATE INDEX groups_by_name ON groups (name_key, id);

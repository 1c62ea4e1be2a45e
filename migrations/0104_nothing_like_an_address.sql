-- Programs before this one run on.

-- Who has nothing that could be an address, and is not disabled: by group and role, and nothing else of them. A preview of another two-factor
-- setting goes through all of them.
CREATE INDEX users_nowhere_at_all ON users (group_id, role_id, id)
    WHERE addressless AND status <> 'disabled' AND TRIM(COALESCE(email, '')) = '' AND replace(login, '@', '') = login;

-- The number of those in a group whose role lets them in without a code.
CREATE INDEX users_of_group_by_role ON users (group_id, role_id, status);

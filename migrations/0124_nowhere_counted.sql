-- Programs before this one run on.

-- Who has nothing that could be an address is counted among many, with what tells whether they are others: each change of somebody has its time.
CREATE INDEX users_nowhere_by_role ON users ((group_id || ''), status, role_id, updated_at, id, group_id)
    WHERE addressless AND TRIM(COALESCE(email, '')) = '' AND login = replace(login, '@', '');

DROP INDEX users_nowhere;

-- Programs before this one run on.

-- Who has nothing that could be an address: by group, status and role, and their ids, so that nobody is read for it. The expressions are those of
-- the queries, written as both databases recognise them: SQLite turns an equation that has a column to its right around, and takes what a
-- column is equal to for the column itself. The group is named in a way that nobody else names it in: what PostgreSQL learns of the values of an
-- expression in these few, it believes of everybody.
CREATE INDEX users_nowhere ON users ((group_id || ''), status, role_id, id, group_id)
    WHERE addressless AND TRIM(COALESCE(email, '')) = '' AND login = replace(login, '@', '');

-- SQLite never went by it.
DROP INDEX users_nowhere_at_all;

-- Who has no address that mail could reach, but something that might have been one: few.
CREATE INDEX users_nearly_nowhere ON users ((group_id || ''), login_key)
    WHERE addressless AND NOT (TRIM(COALESCE(email, '')) = '' AND login = replace(login, '@', ''));

-- Programs before this one run on.

-- The roles by rank, as a list of them may stand.
CREATE INDEX roles_by_rank ON roles (rank, name_key, id);

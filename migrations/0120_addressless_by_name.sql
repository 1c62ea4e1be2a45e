-- Programs before this one run on.

-- Who has no address, by name, as a list of those who cannot sign in may stand.
CREATE INDEX users_addressless_by_name ON users ((lower(COALESCE(name, ''))), login_key) WHERE addressless;

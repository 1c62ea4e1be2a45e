-- Whose address was typed instead of a login. Addresses are ASCII, and so are found whatever their letters' case; `I` is replaced first, as
-- some locales of PostgreSQL have another small letter for it.
CREATE INDEX users_by_email ON users ((lower(replace(email, 'I', 'i'))));

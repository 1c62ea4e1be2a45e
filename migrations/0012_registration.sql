-- Clients that have registered themselves are counted at each registration: there is a bound on them.
CREATE INDEX clients_self_registered ON clients (id) WHERE registration_token_hash IS NOT NULL;

-- A key is of a kind, and one RSA key signs under six algorithms. The index on one newest key follows its column.
ALTER TABLE signing_keys RENAME COLUMN algorithm TO kind;
UPDATE signing_keys SET kind = 'RSA' WHERE kind = 'RS256';
UPDATE signing_keys SET kind = 'P-256' WHERE kind = 'ES256';
UPDATE signing_keys SET kind = 'Ed25519' WHERE kind = 'EdDSA';

-- Codes are counted for a mailbox, however the letters of its address are written (see 0036 about `I`).
DROP INDEX messages_of_address;
CREATE INDEX messages_of_mailbox ON messages ((lower(replace(address, 'I', 'i'))), created_at_ms);

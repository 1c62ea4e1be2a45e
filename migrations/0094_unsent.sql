-- Programs before this one run on.

-- What has failed is few among many, and is looked for by age. (Where the states alone are named, SQLite goes by the index of the queue.)
CREATE INDEX messages_unsent ON messages (created_at_ms, id) WHERE CASE WHEN state IN ('refused', 'expired', 'deferred') THEN 1 ELSE 0 END = 1;

-- Whose manager may see what became of a message: the tree of whoever it went to, as it was then. And what has failed is few among many.
ALTER TABLE messages ADD COLUMN top_id TEXT;

UPDATE messages SET top_id = (SELECT g.top_id FROM users u JOIN groups g ON g.id = u.group_id WHERE u.id = messages.user_id);

CREATE INDEX messages_of_tree ON messages (top_id, created_at_ms, id);

CREATE INDEX messages_failed ON messages (created_at_ms, id) WHERE state IN ('refused', 'expired', 'deferred');

CREATE INDEX messages_by_age ON messages (created_at_ms, id);

DROP INDEX messages_age;

-- Who uses an app, page by page; it serves as the index of the app alone, too.
DROP INDEX grants_of_client;
CREATE INDEX grants_of_client ON grants (client_id, user_id);

-- Whose login it was, once they are gone.
CREATE INDEX audit_deleted ON audit_events (user_login) WHERE event = 'user.deleted';

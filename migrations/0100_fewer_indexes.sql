-- Programs before this one run on.

-- A row that is added to an index costs a page of its own wherever its place in it is left to chance. Of somebody's grants, and of those in
-- one session, one index tells.
CREATE INDEX grants_of_user_in_session ON grants (user_id, session_id);

DROP INDEX grants_of_user;

DROP INDEX grants_of_session;

-- Most of what people do concerns themselves, as signing in does: that is found by whom it concerns.
CREATE INDEX audit_events_by_another ON audit_events (actor, at_ms, id) WHERE actor <> COALESCE(user_id, '');

DROP INDEX audit_events_of_actor;

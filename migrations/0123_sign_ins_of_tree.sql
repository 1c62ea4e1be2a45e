-- Programs before this one run on.

-- The sign-ins of a tree, apart from everything else that happens in it, as everything else has its index: after an import a hundred thousand people
-- stand before the last sign-in. Each event is in one of the two.
CREATE INDEX audit_sign_ins_of_tree ON audit_events (top_id, at_ms, id) WHERE substr(event, 1, 7) = 'signin.';

DROP INDEX audit_events_of_tree;

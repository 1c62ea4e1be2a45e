-- Programs before this one run on.

-- Most of what happens are sign-ins: whoever looks for something else need not go through them.
CREATE INDEX audit_events_but_sign_ins ON audit_events (at_ms, id) WHERE substr(event, 1, 7) <> 'signin.';

CREATE INDEX audit_events_but_sign_ins_of_tree ON audit_events (top_id, at_ms, id) WHERE substr(event, 1, 7) <> 'signin.';

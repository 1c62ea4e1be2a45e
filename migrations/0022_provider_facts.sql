-- What the database knows about the provider itself: by which master key it was sealed, which version of the program changed the
-- schema last, when it was last found to take writing.
CREATE TABLE provider_facts (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
);

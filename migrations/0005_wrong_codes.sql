-- Wrong codes are counted one by one, so that ten within any 24 hours stop a user's codes, wherever a day may begin.
CREATE TABLE wrong_codes (
    id       TEXT    NOT NULL PRIMARY KEY,
    user_id  TEXT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    at       BIGINT  NOT NULL
);
CREATE INDEX wrong_codes_of_user ON wrong_codes (user_id, at);
CREATE INDEX wrong_codes_age ON wrong_codes (at);

-- What is left of a budget is whether it is used up; its row is what parallel tries queue for.
ALTER TABLE code_budgets DROP COLUMN wrong;
ALTER TABLE code_budgets RENAME COLUMN since_at TO tried_at;

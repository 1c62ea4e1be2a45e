-- Two-factor as off, rehearse or on. The flag before it stays for processes of the version before, which may run on while the
-- schema is already this one.
ALTER TABLE groups ADD COLUMN two_factor_setting TEXT NOT NULL DEFAULT 'off';

UPDATE groups SET two_factor_setting = 'on' WHERE two_factor;

-- That somebody went on without the code that their group rehearses, and what would have stopped them if it were asked for.
ALTER TABLE signins ADD COLUMN skipped_at BIGINT;

ALTER TABLE signins ADD COLUMN hindrance TEXT;

ALTER TABLE sessions ADD COLUMN skipped_at BIGINT;

-- How each person's last rehearsal went.
CREATE TABLE rehearsals (
    user_id  TEXT   NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    outcome  TEXT   NOT NULL,
    at       BIGINT NOT NULL
);

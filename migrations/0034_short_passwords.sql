-- Whether the password was shorter than what lets one in alone when it was last typed; null when it has not been typed since it was
-- chosen, or since this is looked at.
ALTER TABLE users ADD COLUMN password_short BOOLEAN;

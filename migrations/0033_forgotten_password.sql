-- The sign-in from which somebody asked for a link, so that they find back to it.
ALTER TABLE links ADD COLUMN signin_id TEXT;

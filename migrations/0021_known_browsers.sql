-- A browser is known by a cookie that it was given at a sign-in, and no longer by one that it may have brought along.
DELETE FROM known_browsers;

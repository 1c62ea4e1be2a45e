-- Programs before this one run on.

-- A row that is added to an index costs a page of its own wherever its place in it is left to chance, as by person. An app's grants lie in the
-- order in which they were made, as their ids do. Each person's are found by another index; a program of before takes its time on SQLite over the
-- list of the people who use an app, where more than 2000 do.
CREATE INDEX grants_of_client_by_id ON grants (client_id, id);

DROP INDEX grants_of_client;

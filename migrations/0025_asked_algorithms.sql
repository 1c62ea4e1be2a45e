-- The algorithms that some client has asked for, beside those that keys are always published for. A parser that stops at a key which it
-- does not know shall find none before anybody needs it.
CREATE TABLE asked_algorithms (
    algorithm  TEXT  NOT NULL PRIMARY KEY
);
INSERT INTO asked_algorithms (algorithm)
SELECT a.algorithm
FROM (SELECT 'RS384' AS algorithm UNION ALL SELECT 'RS512' UNION ALL SELECT 'PS256' UNION ALL SELECT 'PS384'
      UNION ALL SELECT 'PS512' UNION ALL SELECT 'ES512') a
WHERE EXISTS (SELECT 1 FROM clients c WHERE c.metadata LIKE '%"' || a.algorithm || '"%')
   OR (a.algorithm = 'PS256' AND EXISTS (SELECT 1 FROM clients c WHERE c.metadata LIKE '%"fapi2"%'));

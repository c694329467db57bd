-- How many windows of each capture went where, and how many were left out; imported ones are in legacy_results.
SELECT * FROM splits
WHERE run_id NOT IN (SELECT run_id FROM runs WHERE origin IS NOT NULL)
ORDER BY run_id, capture, split

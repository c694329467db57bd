-- The files that the runs left behind, by digest; imported ones are in legacy_results.
SELECT * FROM artifacts
WHERE run_id NOT IN (SELECT run_id FROM runs WHERE origin IS NOT NULL)
ORDER BY run_id, name

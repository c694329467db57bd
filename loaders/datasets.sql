-- The datasets as the prepare runs read them; imported ones are in legacy_results.
SELECT * FROM datasets
WHERE run_id NOT IN (SELECT run_id FROM runs WHERE origin IS NOT NULL)
ORDER BY run_id, dataset

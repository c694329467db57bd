-- Training curves as the runs wrote them; imported ones are in legacy_results.
SELECT * FROM epochs
WHERE run_id NOT IN (SELECT run_id FROM runs WHERE origin IS NOT NULL)
ORDER BY run_id, metric, split, epoch

-- Which run came from which; imported ones are in legacy_results.
SELECT * FROM lineage
WHERE run_id NOT IN (SELECT run_id FROM runs WHERE origin IS NOT NULL)
ORDER BY run_id, relation, parent_run_id

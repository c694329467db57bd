-- Which run came from which.
SELECT * FROM lineage ORDER BY run_id, relation, parent_run_id

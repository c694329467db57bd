-- The files that the runs left behind, by digest.
SELECT * FROM artifacts ORDER BY run_id, name

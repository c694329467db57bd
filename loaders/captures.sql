-- The captures as the prepare runs read them.
SELECT * FROM captures ORDER BY run_id, capture

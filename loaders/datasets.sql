-- The datasets as the prepare runs read them.
SELECT * FROM datasets ORDER BY run_id, dataset

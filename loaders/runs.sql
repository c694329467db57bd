-- Every run as it stands, with its frozen config, commit and environment.
SELECT * FROM runs ORDER BY run_id

-- Every run as it stands, with its frozen config, commit and environment; imported ones are in legacy_results. On which
-- machine and as which process it ran is nobody's business outside.
SELECT * EXCLUDE (host, process_id) FROM runs WHERE origin IS NULL ORDER BY run_id

-- The files that the runs asked for left behind, by digest.
SELECT run_id, name, kind, sha256, size_bytes
FROM artifacts
WHERE list_contains(getvariable('run_ids'), run_id)
ORDER BY run_id, name

-- Under what the runs asked for ran, seed, config and data aside: the code, uncommitted changes to it, the lock, the device.
SELECT run_id, code_commit, code_patch_digest, lock_digest, device
FROM runs
WHERE list_contains(getvariable('run_ids'), run_id)
ORDER BY run_id

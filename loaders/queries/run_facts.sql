-- What is known of the runs asked for before any result: config, code, data, environment, machine.
SELECT
    run_id, status, attempt, experiment, variant, stage, dataset, model, role, seed, is_demo, teacher_run_id,
    coalesce(configuration, left(config_digest, 8)) AS configuration, config_digest, config_json, data_digest,
    code_commit, code_patch_digest, lock_digest, container_digest, versions_json, device, slurm_cluster, parameters,
    monitor, best_epoch, best_value, CAST(started_at AS VARCHAR) AS started_at,
    CAST(finished_at AS VARCHAR) AS finished_at, reason, origin, defects
FROM runs
WHERE list_contains(getvariable('run_ids'), run_id)
ORDER BY run_id

-- A metric's value on each capture and for each seed of the runs asked for, each dataset and protocol apart.
SELECT
    name, experiment, configuration, origin, model_run_id, seed, dataset, protocol, calibration_s, under, capture, value,
    n, n_attack, evaluate_run_id
FROM measured
WHERE list_contains(getvariable('run_ids'), model_run_id)
    AND (getvariable('protocol') = 'all' OR getvariable('protocol') IN (protocol, under))
ORDER BY dataset, under NULLS FIRST, capture, name, configuration, seed NULLS FIRST, model_run_id

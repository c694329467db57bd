-- The model configurations that complete runs trained, with the runs of each, by seed.
SELECT
    dataset, experiment, origin, model, role, variant, coalesce(configuration, left(config_digest, 8)) AS configuration,
    concat_ws('/', concat_ws('-', model, nullif(role, 'baseline')), variant) AS name,
    list(run_id ORDER BY seed NULLS FIRST, started_at, run_id) AS run_ids,
    count(DISTINCT seed)::BIGINT AS n_seeds, max(is_demo) AS is_demo
FROM runs
WHERE status = 'complete' AND model IS NOT NULL
    AND CASE getvariable('origin') WHEN 'own' THEN origin IS NULL WHEN 'legacy' THEN origin IS NOT NULL ELSE true END
    AND experiment = coalesce(getvariable('experiment'), experiment)
    AND dataset = coalesce(getvariable('dataset'), dataset)
GROUP BY ALL
ORDER BY dataset, experiment, name, configuration, origin NULLS FIRST

-- Every value of one metric that counts, with the model it is of. The other queries stand on this view.
-- Only complete runs count: of complete runs with the same configuration and seed the latest, so that a repeated run is
-- not taken for another seed, and of its evaluations the newest. Imported results are no results of this pipeline:
-- they are here only where they are asked for, and never in one row with its own.
WITH run AS (
    SELECT
        run_id, started_at, seed, parameters, is_demo, config_digest, experiment, variant, model, role, origin,
        coalesce(configuration, left(config_digest, 8)) AS configuration,
        concat_ws('/', concat_ws('-', model, nullif(role, 'baseline')), variant) AS name,
        -- tells one model configuration from all others in a single text, which groups in half the time
        concat_ws(' ', coalesce(configuration, left(config_digest, 8)), dataset, name, experiment, origin) AS series
    FROM runs
    WHERE status = 'complete'
        AND CASE getvariable('origin') WHEN 'own' THEN origin IS NULL WHEN 'legacy' THEN origin IS NOT NULL ELSE true END
        AND (getvariable('experiment') IS NULL OR experiment = getvariable('experiment'))
        AND (getvariable('dataset') IS NULL OR dataset = getvariable('dataset'))
),
asked AS (
    SELECT
        metrics.run_id AS evaluate_run_id, model_run_id, metrics.dataset, protocol, calibration_s, capture, value, n,
        n_attack, started_at AS evaluated_at
    FROM metrics
    JOIN run ON run.run_id = metrics.run_id
    WHERE metric = getvariable('metric') AND split = getvariable('split')
        AND CASE
            WHEN getvariable('captures') IN ('main', 'pooled') THEN vehicle = 'all'
            WHEN getvariable('captures') = 'each' THEN vehicle <> 'all'
            ELSE capture = getvariable('captures')
        END
),
newest AS (
    SELECT
        arg_max(
            {'model': model_run_id, 'evaluation': evaluate_run_id},
            (run.started_at, model_run_id, evaluated_at, evaluate_run_id)
        ) AS pair
    FROM asked
    JOIN run ON run.run_id = asked.model_run_id
    GROUP BY run.series, run.seed
)
SELECT
    run.* EXCLUDE (run_id, started_at), asked.* EXCLUDE (evaluated_at),
    concat_ws(', ', protocol, printf('%g', calibration_s) || ' s') AS under,
    CASE protocol
        WHEN 'known vehicle' THEN 1 WHEN 'calibrated' THEN 2 WHEN 'zero-shot' THEN 3 WHEN 'unknown attack' THEN 4 ELSE 5
    END AS protocol_place,
    CASE -- of the pools, the one that a protocol is about
        WHEN capture = 'all' THEN 3
        WHEN (capture = 'unknown vehicles') = (coalesce(protocol, '') IN ('calibrated', 'zero-shot')) THEN 1
        ELSE 2
    END AS pool_place
FROM newest
JOIN asked ON asked.model_run_id = newest.pair.model AND asked.evaluate_run_id = newest.pair.evaluation
JOIN run ON run.run_id = newest.pair.model
WHERE asked.value IS NOT NULL

-- Every value of one metric that counts, with the model it is of. The other queries stand on this view.
-- Only complete runs count: of a model's evaluations the newest, and of complete runs with the same configuration and
-- seed the latest, so that a repeated run is not taken for another seed. Imported results are no results of this
-- pipeline: they are here only where they are asked for, and never in one row with its own.
WITH run AS (
    SELECT
        run_id, started_at, seed, parameters, is_demo, config_digest, experiment, variant, model, role, origin,
        coalesce(configuration, left(config_digest, 8)) AS configuration
    FROM runs
    WHERE status = 'complete'
        AND CASE getvariable('origin') WHEN 'own' THEN origin IS NULL WHEN 'legacy' THEN origin IS NOT NULL ELSE true END
        AND (getvariable('experiment') IS NULL OR experiment = getvariable('experiment'))
        AND (getvariable('dataset') IS NULL OR dataset = getvariable('dataset'))
),
asked AS (
    SELECT
        metrics.run_id, model_run_id, metrics.dataset, protocol, calibration_s, capture, value, n, n_attack, started_at
    FROM metrics
    JOIN run ON run.run_id = metrics.run_id
    WHERE metric = getvariable('metric') AND split = getvariable('split')
        AND CASE
            WHEN getvariable('captures') IN ('main', 'pooled') THEN vehicle = 'all'
            WHEN getvariable('captures') = 'each' THEN vehicle <> 'all'
            ELSE capture = getvariable('captures')
        END
),
evaluation AS (
    SELECT model_run_id, arg_max(run_id, (started_at, run_id)) AS run_id FROM asked GROUP BY model_run_id
),
latest AS (
    SELECT
        asked.dataset, run.experiment, run.variant, run.model, run.role, run.configuration, run.origin, run.seed,
        asked.protocol, asked.calibration_s, asked.capture,
        arg_max(
            {
                'value': asked.value, 'n': asked.n, 'n_attack': asked.n_attack, 'parameters': run.parameters,
                'is_demo': run.is_demo, 'model_run_id': run.run_id, 'evaluate_run_id': asked.run_id,
                'config_digest': run.config_digest
            },
            (run.started_at, run.run_id)
        ) AS one
    FROM asked
    JOIN evaluation ON evaluation.model_run_id = asked.model_run_id AND evaluation.run_id = asked.run_id
    JOIN run ON run.run_id = asked.model_run_id
    WHERE asked.value IS NOT NULL
    GROUP BY ALL
)
SELECT
    * EXCLUDE (one), unnest(one),
    concat_ws('/', concat_ws('-', model, nullif(role, 'baseline')), variant) AS name,
    concat_ws(', ', protocol, printf('%g', calibration_s) || ' s') AS under,
    CASE protocol
        WHEN 'known vehicle' THEN 1 WHEN 'calibrated' THEN 2 WHEN 'zero-shot' THEN 3 WHEN 'unknown attack' THEN 4 ELSE 5
    END AS protocol_place,
    CASE -- of the pools, the one that a protocol is about
        WHEN capture = 'all' THEN 3
        WHEN (capture = 'unknown vehicles') = (coalesce(protocol, '') IN ('calibrated', 'zero-shot')) THEN 1
        ELSE 2
    END AS pool_place
FROM latest

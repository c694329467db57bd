-- Every metric that counts, with what is known of the model it is of.
-- Only complete runs count. At each place that was measured (dataset, split, capture, protocol, length of calibration) it
-- is the latest of the runs with the same configuration and seed that were evaluated there, so that a repeated run is
-- not taken for another seed, and of its evaluations the newest one there, with all of its metrics: an evaluation of one
-- dataset or protocol alone takes nothing else away. Imported results keep their origin, and are never in one series with
-- this pipeline's own.
WITH run AS (
    SELECT
        run_id, started_at, seed, parameters, is_demo, config_digest, experiment, variant, model, role, origin,
        coalesce(configuration, left(config_digest, 8)) AS configuration,
        concat_ws('/', concat_ws('-', model, nullif(role, 'baseline')), variant) AS name,
        -- tells one model configuration from all others in a single text, which groups in half the time
        concat_ws(' ', coalesce(configuration, left(config_digest, 8)), dataset, name, experiment, origin) AS series
    FROM runs
    WHERE status = 'complete'
),
evaluated AS (
    SELECT DISTINCT run_id, model_run_id, dataset, split, capture, protocol, calibration_s FROM metrics
),
newest AS (
    SELECT
        evaluated.dataset, split, capture, protocol, calibration_s,
        arg_max(
            {'model': evaluated.model_run_id, 'evaluation': evaluated.run_id},
            (model.started_at, evaluated.model_run_id, judge.started_at, evaluated.run_id)
        ) AS pair
    FROM evaluated
    JOIN run AS judge ON judge.run_id = evaluated.run_id
    JOIN run AS model ON model.run_id = evaluated.model_run_id
    GROUP BY model.series, model.seed, evaluated.dataset, split, capture, protocol, calibration_s
)
SELECT
    run.* EXCLUDE (run_id, started_at), metrics.run_id AS evaluate_run_id, model_run_id, metrics.dataset, metrics.split,
    metrics.capture, vehicle, attack, is_known_vehicle, metrics.protocol, metrics.calibration_s, metric, value, n,
    n_attack
FROM newest
JOIN metrics
    ON metrics.model_run_id = newest.pair.model AND metrics.run_id = newest.pair.evaluation
    AND metrics.dataset = newest.dataset AND metrics.split = newest.split AND metrics.capture = newest.capture
    AND metrics.protocol IS NOT DISTINCT FROM newest.protocol
    AND metrics.calibration_s IS NOT DISTINCT FROM newest.calibration_s
JOIN run ON run.run_id = newest.pair.model

-- The metrics of the models asked for, at each place (dataset, split, capture, protocol, length of calibration) as the
-- newest complete evaluation there has them, and all that an evaluation among the runs asked for measured.
WITH evaluation AS (
    SELECT
        model_run_id, scored.dataset, split, capture, protocol, calibration_s,
        arg_max(run_id, (started_at, run_id)) AS run_id
    FROM (SELECT DISTINCT run_id, model_run_id, dataset, split, capture, protocol, calibration_s FROM metrics) AS scored
    JOIN runs USING (run_id)
    WHERE runs.status = 'complete' AND list_contains(getvariable('run_ids'), model_run_id)
    GROUP BY model_run_id, scored.dataset, split, capture, protocol, calibration_s
)
SELECT
    metrics.run_id AS evaluate_run_id, metrics.model_run_id, metrics.dataset, metrics.split, metrics.protocol,
    metrics.calibration_s, concat_ws(', ', metrics.protocol, printf('%g', metrics.calibration_s) || ' s') AS under,
    metrics.capture, metrics.metric, metrics.value, metrics.n, metrics.n_attack
FROM metrics
LEFT JOIN evaluation
    ON evaluation.model_run_id = metrics.model_run_id AND evaluation.run_id = metrics.run_id
    AND evaluation.dataset = metrics.dataset AND evaluation.split = metrics.split
    AND evaluation.capture = metrics.capture AND evaluation.protocol IS NOT DISTINCT FROM metrics.protocol
    AND evaluation.calibration_s IS NOT DISTINCT FROM metrics.calibration_s
WHERE evaluation.run_id IS NOT NULL OR list_contains(getvariable('run_ids'), metrics.run_id)
ORDER BY
    metrics.model_run_id, metrics.run_id, metrics.dataset, metrics.split, metrics.protocol NULLS FIRST,
    metrics.calibration_s NULLS FIRST, metrics.capture, metrics.metric

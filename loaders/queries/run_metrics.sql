-- The metrics of the models asked for as their newest complete evaluation has them, and all that an evaluation among
-- the runs asked for measured.
WITH evaluation AS (
    SELECT model_run_id, arg_max(run_id, (started_at, run_id)) AS run_id
    FROM (SELECT DISTINCT run_id, model_run_id FROM metrics) AS scored
    JOIN runs USING (run_id)
    WHERE runs.status = 'complete' AND list_contains(getvariable('run_ids'), model_run_id)
    GROUP BY model_run_id
)
SELECT
    metrics.run_id AS evaluate_run_id, metrics.model_run_id, metrics.split, metrics.protocol, metrics.calibration_s,
    concat_ws(', ', metrics.protocol, printf('%g', metrics.calibration_s) || ' s') AS under, metrics.capture,
    metrics.metric, metrics.value, metrics.n, metrics.n_attack
FROM metrics
LEFT JOIN evaluation USING (model_run_id)
WHERE metrics.run_id = evaluation.run_id OR list_contains(getvariable('run_ids'), metrics.run_id)
ORDER BY
    metrics.model_run_id, metrics.run_id, metrics.split, metrics.protocol NULLS FIRST,
    metrics.calibration_s NULLS FIRST, metrics.capture, metrics.metric

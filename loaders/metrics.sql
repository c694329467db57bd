-- Evaluations as the evaluate runs wrote them, of complete runs or not; imported ones are in legacy_results.
SELECT * FROM metrics
WHERE run_id NOT IN (SELECT run_id FROM runs WHERE origin IS NOT NULL)
ORDER BY run_id, model_run_id, split, capture, protocol, calibration_s, metric

-- Evaluations as the evaluate runs wrote them, of complete runs or not.
SELECT * FROM metrics ORDER BY run_id, model_run_id, split, capture, protocol, calibration_s, metric

-- Every value of one metric that counts, with the model it is of. The other queries stand on this view.
-- Imported results are no results of this pipeline: they are here only where they are asked for.
SELECT
    seed, parameters, is_demo, config_digest, experiment, variant, model, role, origin, configuration, name, series,
    evaluate_run_id, model_run_id, dataset, protocol, calibration_s, capture, value, n, n_attack,
    concat_ws(', ', protocol, printf('%g', calibration_s) || ' s') AS under,
    CASE protocol
        WHEN 'known vehicle' THEN 1 WHEN 'calibrated' THEN 2 WHEN 'zero-shot' THEN 3 WHEN 'unknown attack' THEN 4 ELSE 5
    END AS protocol_place,
    CASE -- of the pools, the one that a protocol is about
        WHEN capture = 'all' THEN 3
        WHEN (capture = 'unknown vehicles') = (coalesce(protocol, '') IN ('calibrated', 'zero-shot')) THEN 1
        ELSE 2
    END AS pool_place
FROM results
WHERE metric = getvariable('metric') AND split = getvariable('split') AND value IS NOT NULL
    AND CASE
        WHEN getvariable('captures') IN ('main', 'pooled') THEN vehicle = 'all'
        WHEN getvariable('captures') = 'each' THEN vehicle <> 'all'
        ELSE capture = getvariable('captures')
    END
    AND CASE getvariable('origin') WHEN 'own' THEN origin IS NULL WHEN 'legacy' THEN origin IS NOT NULL ELSE true END
    AND (getvariable('experiment') IS NULL OR experiment = getvariable('experiment'))
    AND (getvariable('dataset') IS NULL OR dataset = getvariable('dataset'))

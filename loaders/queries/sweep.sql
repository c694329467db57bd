-- A metric's values beside the value of one setting, for each configuration that has the setting. Where no protocol is
-- named the first there is counts, and of the pools of captures the protocol's main one, as on the leaderboard.
WITH configuration AS (
    SELECT
        dataset, experiment, origin, protocol_place, protocol, calibration_s, under, pool_place, capture, name, model,
        role, variant, configuration, settings.value AS setting, count(*)::BIGINT AS n_seeds,
        list(seed ORDER BY seed NULLS FIRST) AS seeds, list(measured.value ORDER BY seed NULLS FIRST) AS seed_values,
        list(model_run_id ORDER BY seed NULLS FIRST) AS model_run_ids,
        list(evaluate_run_id ORDER BY seed NULLS FIRST) AS evaluate_run_ids,
        min(measured.config_digest) AS config_digest, bool_or(is_demo) AS is_demo
    FROM measured
    JOIN settings ON settings.config_digest = measured.config_digest AND settings.key = getvariable('parameter')
    WHERE getvariable('protocol') IS NULL OR getvariable('protocol') IN ('all', protocol, under)
    GROUP BY ALL
)
SELECT *
FROM configuration
QUALIFY (
        getvariable('protocol') IS NOT NULL
        OR dense_rank() OVER (PARTITION BY dataset ORDER BY protocol_place, calibration_s NULLS FIRST) = 1
    )
    AND (getvariable('captures') <> 'main' OR pool_place = min(pool_place) OVER (PARTITION BY dataset, under))
ORDER BY
    dataset, protocol_place, calibration_s NULLS FIRST, pool_place, capture, model, role NULLS FIRST,
    try_cast(setting AS DOUBLE) NULLS LAST, setting, experiment, variant NULLS FIRST, configuration, origin NULLS FIRST

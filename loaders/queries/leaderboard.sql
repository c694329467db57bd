-- A row for each model configuration: a metric's mean over its seeds, each protocol and capture apart, the best first.
-- Where no protocol is named the first there is counts, and of the pools of captures the protocol's main one.
WITH value AS MATERIALIZED (SELECT * FROM measured),
configuration AS (
    SELECT
        series, dataset, protocol, calibration_s, capture, protocol_place, pool_place,
        round(avg(value), 12) AS mean -- to 12 digits, which no order of adding up changes
    FROM value
    WHERE getvariable('protocol') IS NULL OR getvariable('protocol') IN ('all', protocol, under)
    GROUP BY ALL
),
ranked AS (
    SELECT
        *,
        row_number() OVER (
            PARTITION BY dataset, protocol, calibration_s, capture
            ORDER BY CASE getvariable('better') WHEN 'lower' THEN mean ELSE -mean END, series
        ) AS place,
        count(*) OVER (PARTITION BY dataset, protocol, calibration_s, capture) AS candidates
    FROM configuration
    QUALIFY place <= getvariable('top')
        AND (
            getvariable('protocol') IS NOT NULL
            OR dense_rank() OVER (PARTITION BY dataset ORDER BY protocol_place, calibration_s NULLS FIRST) = 1
        )
        AND (
            getvariable('captures') <> 'main'
            OR pool_place = min(pool_place) OVER (PARTITION BY dataset, protocol, calibration_s)
        )
)
SELECT
    ranked.dataset, experiment, origin, ranked.protocol, ranked.calibration_s, under, ranked.capture, place, candidates,
    name, model, role, variant, configuration, getvariable('metric') AS metric, mean, count(*)::BIGINT AS n_seeds,
    list(seed ORDER BY seed NULLS FIRST) AS seeds, list(value ORDER BY seed NULLS FIRST) AS seed_values,
    max(n) AS windows, max(n_attack) AS attack_windows, max(parameters) AS parameters, bool_or(is_demo) AS is_demo,
    list(model_run_id ORDER BY seed NULLS FIRST) AS model_run_ids,
    list(evaluate_run_id ORDER BY seed NULLS FIRST) AS evaluate_run_ids
FROM ranked
JOIN value
    ON value.series = ranked.series AND value.dataset = ranked.dataset AND value.capture = ranked.capture
    AND value.protocol IS NOT DISTINCT FROM ranked.protocol
    AND value.calibration_s IS NOT DISTINCT FROM ranked.calibration_s
GROUP BY ALL
ORDER BY
    ranked.dataset, any_value(ranked.protocol_place), ranked.calibration_s NULLS FIRST,
    any_value(ranked.pool_place), ranked.capture, place

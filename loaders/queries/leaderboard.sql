-- A row for each model configuration: a metric's mean over its seeds, each protocol and capture apart, the best first.
-- Where no protocol is named the first there is counts, and of the pools of captures the protocol's main one.
WITH value AS MATERIALIZED (SELECT * FROM measured),
configuration AS (
    SELECT
        dataset, experiment, variant, model, role, configuration, origin, protocol, calibration_s, capture,
        round(avg(value), 12) AS mean, -- to 12 digits, which no order of adding up changes
        protocol_place, pool_place
    FROM value
    WHERE getvariable('protocol') IS NULL
        OR getvariable('protocol') IN ('all', protocol, under)
    GROUP BY ALL
),
ranked AS (
    SELECT
        *,
        row_number() OVER (
            PARTITION BY dataset, protocol, calibration_s, capture
            ORDER BY
                CASE getvariable('better') WHEN 'higher' THEN -mean ELSE mean END, model, role, variant NULLS FIRST,
                experiment, configuration, origin NULLS FIRST
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
    ranked.dataset, ranked.experiment, ranked.origin, ranked.protocol, ranked.calibration_s,
    measured.under, ranked.capture, place,
    candidates, measured.name,
    ranked.model, ranked.role, ranked.variant, ranked.configuration, getvariable('metric') AS metric, mean,
    count(*)::BIGINT AS n_seeds, list(seed ORDER BY seed NULLS FIRST) AS seeds,
    list(value ORDER BY seed NULLS FIRST) AS seed_values, max(n) AS windows, max(n_attack) AS attack_windows,
    max(parameters) AS parameters, bool_or(is_demo) AS is_demo,
    list(model_run_id ORDER BY seed NULLS FIRST) AS model_run_ids,
    list(evaluate_run_id ORDER BY seed NULLS FIRST) AS evaluate_run_ids
FROM ranked
JOIN value AS measured
    ON measured.dataset = ranked.dataset AND measured.experiment = ranked.experiment
    AND measured.variant IS NOT DISTINCT FROM ranked.variant AND measured.model = ranked.model
    AND measured.role IS NOT DISTINCT FROM ranked.role AND measured.configuration = ranked.configuration
    AND measured.origin IS NOT DISTINCT FROM ranked.origin AND measured.protocol IS NOT DISTINCT FROM ranked.protocol
    AND measured.calibration_s IS NOT DISTINCT FROM ranked.calibration_s AND measured.capture = ranked.capture
GROUP BY ALL
ORDER BY ranked.dataset, any_value(ranked.protocol_place), ranked.calibration_s NULLS FIRST, any_value(ranked.pool_place), ranked.capture, place

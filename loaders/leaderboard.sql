-- A row for each model of an experiment on each capture: mean over seeds of the metrics.
-- Only complete runs count. The newest evaluation of a model wins, and of two complete runs with the
-- same configuration and seed the later one, so that a repeated run is not taken for another seed.
WITH complete AS (
    SELECT
        *,
        -- Everything that decides the numbers except the seed: rows of different settings are never averaged.
        left(md5(concat_ws(' ', data_digest, regexp_replace(
            config_json, '"(seeds?|repeat)": ?(\[[^\]]*\]|-?[0-9]+),? ?', '', 'g'
        ))), 8) AS configuration
    FROM runs
    WHERE status = 'complete'
),
evaluation AS (
    SELECT scored.model_run_id, arg_max(scored.run_id, complete.started_at) AS run_id
    FROM (SELECT DISTINCT run_id, model_run_id FROM metrics) AS scored
    JOIN complete USING (run_id)
    GROUP BY scored.model_run_id
),
model AS (
    SELECT complete.*, evaluation.run_id AS evaluate_run_id
    FROM complete
    JOIN evaluation ON evaluation.model_run_id = complete.run_id
    QUALIFY row_number() OVER (
        PARTITION BY experiment, dataset, model, role, configuration, seed ORDER BY started_at DESC, complete.run_id
    ) = 1
),
seed_row AS (
    SELECT
        model.experiment, metrics.dataset, metrics.split, metrics.capture, metrics.vehicle, metrics.attack,
        metrics.is_known_vehicle, model.model, model.role, model.configuration, model.seed, model.parameters,
        model.is_demo, model.run_id AS model_run_id, model.evaluate_run_id, metrics.n, metrics.n_attack,
        max(value) FILTER (metric = 'f1') AS f1,
        max(value) FILTER (metric = 'precision') AS "precision",
        max(value) FILTER (metric = 'recall') AS recall,
        max(value) FILTER (metric = 'fpr') AS fpr,
        max(value) FILTER (metric = 'accuracy') AS accuracy,
        max(value) FILTER (metric = 'mcc') AS mcc,
        max(value) FILTER (metric = 'auroc') AS auroc,
        max(value) FILTER (metric = 'auprc') AS auprc,
        max(value) FILTER (metric = 'base_rate') AS base_rate
    FROM metrics
    JOIN model ON metrics.run_id = model.evaluate_run_id AND metrics.model_run_id = model.run_id
    -- Other metrics, as the threshold, are computed on other windows and would split the group by n.
    WHERE metric IN ('f1', 'precision', 'recall', 'fpr', 'accuracy', 'mcc', 'auroc', 'auprc', 'base_rate')
    GROUP BY ALL
)
SELECT
    experiment, dataset, split, capture, vehicle, attack, is_known_vehicle, model, role, configuration,
    -- A metric that one seed lacks has no mean over the seeds named beside it.
    CASE WHEN count(f1) = count(*) THEN avg(f1) END AS f1,
    CASE WHEN count("precision") = count(*) THEN avg("precision") END AS "precision",
    CASE WHEN count(recall) = count(*) THEN avg(recall) END AS recall,
    CASE WHEN count(fpr) = count(*) THEN avg(fpr) END AS fpr,
    CASE WHEN count(accuracy) = count(*) THEN avg(accuracy) END AS accuracy,
    CASE WHEN count(mcc) = count(*) THEN avg(mcc) END AS mcc,
    CASE WHEN count(auroc) = count(*) THEN avg(auroc) END AS auroc,
    CASE WHEN count(auprc) = count(*) THEN avg(auprc) END AS auprc,
    CASE WHEN count(base_rate) = count(*) THEN avg(base_rate) END AS base_rate,
    n, n_attack, parameters,
    count(*)::BIGINT AS n_seeds,
    string_agg(seed::VARCHAR, ', ' ORDER BY seed) AS seeds,
    string_agg(model_run_id, ', ' ORDER BY seed) AS model_run_ids,
    string_agg(evaluate_run_id, ', ' ORDER BY seed) AS evaluate_run_ids,
    bool_or(is_demo) AS is_demo
FROM seed_row
GROUP BY
    experiment, dataset, split, capture, vehicle, attack, is_known_vehicle, model, role, configuration,
    n, n_attack, parameters
ORDER BY dataset, experiment, split, capture, model, role NULLS LAST, configuration

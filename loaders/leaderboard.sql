-- A row for each model of an experiment, or of a variant of it, on each capture and protocol: mean over seeds of the
-- metrics.
-- Only this pipeline's own complete runs count. The newest evaluation of a model wins, and of two complete runs with
-- the same configuration and seed the later one, so that a repeated run is not taken for another seed. Runs of
-- different configurations are never averaged.
WITH complete AS (
    SELECT * EXCLUDE (configuration), coalesce(configuration, left(config_digest, 8)) AS configuration
    FROM runs
    WHERE status = 'complete' AND origin IS NULL
),
evaluation AS (
    SELECT scored.model_run_id, arg_max(scored.run_id, (complete.started_at, scored.run_id)) AS run_id
    FROM (SELECT DISTINCT run_id, model_run_id FROM metrics) AS scored
    JOIN complete USING (run_id)
    GROUP BY scored.model_run_id
),
model AS (
    SELECT complete.*, evaluation.run_id AS evaluate_run_id
    FROM complete
    JOIN evaluation ON evaluation.model_run_id = complete.run_id
    QUALIFY row_number() OVER (
        PARTITION BY experiment, variant, dataset, model, role, configuration, seed ORDER BY started_at DESC, complete.run_id
    ) = 1
),
seed_value AS (
    SELECT
        -- What a row of the leaderboard is about; values of one such struct are averaged.
        {
            experiment: model.experiment, dataset: metrics.dataset, split: metrics.split, capture: metrics.capture,
            vehicle: metrics.vehicle, attack: metrics.attack, is_known_vehicle: metrics.is_known_vehicle,
            protocol: metrics.protocol, calibration_s: metrics.calibration_s,
            model: model.model, "role": model.role, variant: model.variant, configuration: model.configuration,
            n: metrics.n, n_attack: metrics.n_attack, parameters: model.parameters
        } AS about,
        {
            seed: model.seed, model_run_id: model.run_id, evaluate_run_id: model.evaluate_run_id,
            is_demo: model.is_demo
        } AS run,
        metric, value
    FROM metrics
    JOIN model ON metrics.run_id = model.evaluate_run_id AND metrics.model_run_id = model.run_id
),
seed_row AS (
    -- Metrics that are not named, as the threshold, are computed on other windows and would split a row by n.
    PIVOT (SELECT * FROM seed_value WHERE metric <> 'threshold') ON metric IN (
        'f1', 'precision', 'recall', 'fpr', 'accuracy', 'mcc', 'auroc', 'auprc', 'base_rate',
        'recall_at_fpr_1e-2', 'recall_at_fpr_1e-3', 'ece', 'brier',
        'episodes', 'episodes_found', 'detection_delay_s_median', 'detection_delay_s_p90', 'frames_to_alarm_median',
        'fpr_outside_episodes', 'false_alarms', 'benign_hours',
        'false_alarms_per_hour', 'false_alarms_per_hour_low', 'false_alarms_per_hour_high',
        'false_alarms_outside_episodes', 'benign_hours_outside_episodes', 'false_alarms_per_hour_outside_episodes',
        'false_alarms_per_hour_outside_episodes_low', 'false_alarms_per_hour_outside_episodes_high'
    ) USING max(value) GROUP BY about, run
)
SELECT
    unnest(about),
    -- A metric that one seed lacks has no mean over the seeds named beside it.
    CASE
        WHEN count(COLUMNS(* EXCLUDE (about, run))) = count(*)
            -- in the order of seeds, so that each engine adds up alike
            THEN list_avg(list(COLUMNS(* EXCLUDE (about, run)) ORDER BY run.seed, run.model_run_id))
    END,
    count(*)::BIGINT AS n_seeds,
    string_agg(run.seed::VARCHAR, ', ' ORDER BY run.seed) AS seeds, -- null where nothing is drawn
    string_agg(run.model_run_id, ', ' ORDER BY run.seed) AS model_run_ids,
    string_agg(run.evaluate_run_id, ', ' ORDER BY run.seed) AS evaluate_run_ids,
    bool_or(run.is_demo) AS is_demo
FROM seed_row
GROUP BY about
ORDER BY
    about.dataset, about.experiment, about.split, about.capture, about.protocol NULLS FIRST,
    about.calibration_s NULLS FIRST, about.model, about.role NULLS LAST, about.variant NULLS FIRST, about.configuration

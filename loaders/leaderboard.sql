-- A row for each model of an experiment, or of a variant of it, on each capture and protocol: mean over seeds of the
-- metrics.
-- Only this pipeline's own complete runs count; which of them, and which evaluation of each place, `results` says. Runs
-- of different configurations are never averaged.
WITH seed_value AS (
    SELECT
        -- What a row of the leaderboard is about; values of one such struct are averaged.
        {
            experiment: experiment, dataset: dataset, split: split, capture: capture, vehicle: vehicle, attack: attack,
            is_known_vehicle: is_known_vehicle, protocol: protocol, calibration_s: calibration_s, model: model,
            "role": role, variant: variant, configuration: configuration, n: n, n_attack: n_attack,
            parameters: parameters
        } AS about,
        {seed: seed, model_run_id: model_run_id, evaluate_run_id: evaluate_run_id, is_demo: is_demo} AS run,
        metric, value
    FROM results
    WHERE origin IS NULL
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

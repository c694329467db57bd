-- Every training curve of this pipeline with the run it belongs to; runs that did not end are here too, with their status.
SELECT
    epochs.run_id, runs.experiment, runs.variant, runs.dataset, runs.stage, runs.model, runs.role, runs.seed, runs.status,
    epochs.epoch, epochs.split, epochs.metric, epochs.value, runs.monitor, runs.best_epoch, runs.best_value,
    runs.is_demo
FROM epochs
JOIN runs USING (run_id)
WHERE runs.origin IS NULL
ORDER BY epochs.run_id, epochs.metric, epochs.split, epochs.epoch

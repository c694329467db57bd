-- A dataset, or each member of a collection, as the newest complete run that read it has it: prepare runs of the
-- experiment itself before those of its variants, and both before index runs, which read without training.
SELECT
    datasets.dataset, runs.dataset AS collection, datasets.title, datasets.licence, datasets.citation, datasets.address,
    datasets.captures, datasets.frames, datasets.attack_frames, datasets.vocabulary_size, datasets.data_digest,
    datasets.run_id, runs.stage, runs.experiment, runs.code_commit, CAST(runs.started_at AS VARCHAR) AS read_at
FROM datasets
JOIN runs USING (run_id)
WHERE runs.status = 'complete' AND runs.origin IS NULL
    AND getvariable('dataset') IN (datasets.dataset, runs.dataset)
QUALIFY row_number() OVER (
    PARTITION BY datasets.dataset
    ORDER BY runs.stage = 'index', runs.variant IS NOT NULL, runs.started_at DESC, runs.run_id
) = 1
ORDER BY datasets.dataset

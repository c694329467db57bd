-- One row: what the snapshot holds of this pipeline's own. Data counts come from the newest complete prepare run of each dataset, of the
-- experiment itself where there is one: a variant may cut the same captures into other windows.
WITH prepare AS (
    SELECT run_id, dataset, settings.value AS window_size
    FROM runs
    LEFT JOIN settings ON settings.config_digest = runs.config_digest AND settings.key = 'window.size'
    WHERE stage = 'prepare' AND status = 'complete' AND origin IS NULL
    QUALIFY row_number() OVER (PARTITION BY dataset ORDER BY variant IS NOT NULL, started_at DESC, run_id) = 1
),
windows AS (
    SELECT
        sum(windows) FILTER (split = 'train') AS train,
        sum(windows) FILTER (split = 'validation') AS validation,
        sum(windows) FILTER (split = 'test') AS test,
        sum(attack_windows) FILTER (split = 'test') AS test_attack,
        sum(windows) FILTER (split IN ('embargo', 'shared')) AS left_out
    FROM splits JOIN prepare USING (run_id)
),
frames AS (
    SELECT count(*) AS datasets, sum(frames) AS frames, sum(attack_frames) AS attack_frames
    FROM datasets JOIN prepare USING (run_id)
),
captures AS (
    SELECT
        count(*) FILTER (usage = 'train') AS train,
        count(*) FILTER (usage = 'test') AS test,
        count(*) FILTER (usage = 'duplicate') AS duplicate
    FROM captures JOIN prepare USING (run_id)
)
SELECT
    count(*)::BIGINT AS runs,
    (count(*) FILTER (status = 'complete'))::BIGINT AS runs_complete,
    (count(*) FILTER (status = 'running'))::BIGINT AS runs_running,
    (count(*) FILTER (status = 'failed'))::BIGINT AS runs_failed,
    (count(*) FILTER (status = 'interrupted'))::BIGINT AS runs_interrupted,
    (count(*) FILTER (status NOT IN ('complete', 'running', 'failed', 'interrupted')))::BIGINT AS runs_stopped,
    (SELECT datasets FROM frames)::BIGINT AS datasets, -- a collection has several
    (SELECT train FROM captures)::BIGINT AS captures_train,
    (SELECT test FROM captures)::BIGINT AS captures_test,
    (SELECT duplicate FROM captures)::BIGINT AS captures_duplicate,
    (SELECT frames FROM frames)::BIGINT AS frames,
    (SELECT attack_frames FROM frames)::BIGINT AS attack_frames,
    (SELECT train FROM windows)::BIGINT AS windows_train,
    (SELECT validation FROM windows)::BIGINT AS windows_validation,
    (SELECT test FROM windows)::BIGINT AS windows_test,
    (SELECT test_attack FROM windows)::BIGINT AS windows_test_attack,
    (SELECT left_out FROM windows)::BIGINT AS windows_left_out,
    (SELECT string_agg(DISTINCT window_size, ', ') FROM prepare) AS window_sizes,
    nullif(array_to_string(list_sort(list_distinct(list(seed))), ', '), '') AS seeds,
    string_agg(DISTINCT experiment, ', ' ORDER BY experiment) AS experiments,
    string_agg(DISTINCT variant, ', ' ORDER BY variant) AS variants,
    string_agg(DISTINCT code_commit, ', ' ORDER BY code_commit) AS code_commits,
    coalesce(bool_or(code_patch_digest IS NOT NULL), false) AS has_uncommitted_code,
    coalesce(bool_or(is_demo), false) AS is_demo,
    min(started_at) AS first_started_at,
    max(finished_at) AS last_finished_at
FROM runs
WHERE origin IS NULL

-- How many windows each split has, and how many were left out, over the captures of a run that read the dataset.
SELECT
    splits.split, count(*)::BIGINT AS captures, sum(splits.windows)::BIGINT AS windows,
    sum(splits.attack_windows)::BIGINT AS attack_windows
FROM splits
WHERE splits.run_id IN (SELECT run_id FROM dataset_read)
GROUP BY splits.split
ORDER BY
    CASE splits.split WHEN 'train' THEN 1 WHEN 'validation' THEN 2 WHEN 'test' THEN 3 WHEN 'embargo' THEN 4 ELSE 5 END

-- What a run came from, and what came from it: an edge a row, nearest first. A ring, which cannot be but in an altered
-- lake, ends at the depth below.
WITH RECURSIVE above AS (
    SELECT run_id, relation, parent_run_id, 1 AS depth FROM lineage WHERE run_id = getvariable('run_id')
    UNION
    SELECT lineage.run_id, lineage.relation, lineage.parent_run_id, above.depth + 1
    FROM above
    JOIN lineage ON lineage.run_id = above.parent_run_id
    WHERE above.depth < 32
),
below AS (
    SELECT run_id, relation, parent_run_id, 1 AS depth FROM lineage WHERE parent_run_id = getvariable('run_id')
    UNION
    SELECT lineage.run_id, lineage.relation, lineage.parent_run_id, below.depth + 1
    FROM below
    JOIN lineage ON lineage.parent_run_id = below.run_id
    WHERE below.depth < 32
),
edge AS (
    SELECT 'up' AS direction, run_id, relation, parent_run_id, parent_run_id AS leads_to, min(depth) AS depth
    FROM above GROUP BY ALL
    UNION ALL
    SELECT 'down' AS direction, run_id, relation, parent_run_id, run_id AS leads_to, min(depth) AS depth
    FROM below GROUP BY ALL
)
SELECT
    edge.direction, edge.depth::BIGINT AS depth, edge.run_id, edge.relation, edge.parent_run_id, edge.leads_to,
    runs.stage, runs.status, runs.variant, runs.seed, runs.config_digest, runs.data_digest, runs.code_commit,
    runs.code_patch_digest, runs.origin
FROM edge
LEFT JOIN runs ON runs.run_id = edge.leads_to
ORDER BY edge.direction DESC, edge.depth, edge.run_id, edge.relation, edge.parent_run_id

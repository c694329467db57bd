-- Imported results: each capture that an earlier tracker measured a model on, with where the row comes from and what is
-- known to be wrong with it. They stand beside this pipeline's own results and never among them.
SELECT
    evaluation.origin, evaluation.dataset, evaluation.experiment, evaluation.status, model.model,
    coalesce(model.role, evaluation.role) AS role, coalesce(model.seed, evaluation.seed) AS seed, metrics.split,
    metrics.capture, metrics.vehicle, metrics.attack,
    max(value) FILTER (metric = 'f1') AS f1,
    max(value) FILTER (metric = 'precision') AS precision,
    max(value) FILTER (metric = 'recall') AS recall,
    max(value) FILTER (metric = 'fpr') AS fpr,
    max(value) FILTER (metric = 'accuracy') AS accuracy,
    max(value) FILTER (metric = 'mcc') AS mcc,
    max(value) FILTER (metric = 'auroc') AS auroc,
    max(value) FILTER (metric = 'auprc') AS auprc,
    max(n) AS n, max(n_attack) AS n_attack,
    evaluation.defects, model.defects AS model_defects, evaluation.reason,
    metrics.model_run_id, metrics.run_id AS evaluate_run_id
FROM metrics
JOIN runs AS evaluation ON evaluation.run_id = metrics.run_id
LEFT JOIN runs AS model ON model.run_id = metrics.model_run_id
WHERE evaluation.origin IS NOT NULL
GROUP BY ALL
HAVING count(*) FILTER (metric IN ('f1', 'precision', 'recall', 'fpr', 'accuracy', 'mcc', 'auroc', 'auprc')) > 0
ORDER BY
    evaluation.dataset, evaluation.experiment, model.model NULLS FIRST, metrics.split, metrics.capture,
    metrics.model_run_id, metrics.run_id

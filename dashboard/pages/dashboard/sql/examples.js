// Queries to begin with; a test runs each of them here and, where it names lake tables only, on the lake.

export const EXAMPLES = [
  {
    title: "Models on the test split",
    sql: `SELECT protocol, calibration_s, capture, model, role, n_seeds, n AS windows, n_attack AS attack,
       round(f1, 4) AS f1, round(fpr, 5) AS fpr, round(auroc, 4) AS auroc
FROM leaderboard
WHERE split = 'test' AND capture IN ('known vehicles', 'unknown vehicles') AND variant IS NULL
ORDER BY protocol, calibration_s, capture, f1 DESC NULLS LAST`,
  },
  {
    title: "Teacher beside student",
    sql: `SELECT student.protocol, student.calibration_s, student.model, student.capture, teacher.f1 AS teacher_f1, student.f1 AS student_f1,
       student.f1 - teacher.f1 AS difference,
       round(teacher.parameters / student.parameters, 1) AS times_smaller
FROM leaderboard student
JOIN leaderboard teacher USING (experiment, dataset, split, capture, model)
WHERE student.role = 'student' AND teacher.role = 'teacher' AND split = 'test'
  AND student.variant IS NULL AND student.configuration = teacher.configuration
  AND coalesce(student.protocol, '') = coalesce(teacher.protocol, '')
  AND coalesce(student.calibration_s, 0) = coalesce(teacher.calibration_s, 0)
ORDER BY student.protocol, student.calibration_s, student.model, student.capture`,
  },
  {
    title: "From a result back to its data",
    sql: `SELECT later.stage, lineage.relation, earlier.stage AS parent_stage,
       earlier.status, earlier.code_commit, lineage.parent_run_id
FROM lineage
JOIN runs later ON later.run_id = lineage.run_id
JOIN runs earlier ON earlier.run_id = lineage.parent_run_id
ORDER BY later.stage, lineage.relation, lineage.parent_run_id`,
  },
  {
    title: "A metric beside a setting",
    sql: `SELECT settings.value AS window_size, leaderboard.model, leaderboard.role, capture, n_seeds, round(f1, 4) AS f1
FROM leaderboard
JOIN runs ON runs.run_id = string_split(leaderboard.model_run_ids, ', ')[1]
JOIN settings ON settings.config_digest = runs.config_digest AND settings.key = 'window.size'
WHERE split = 'test' AND capture IN ('all', 'known vehicles') AND coalesce(protocol, 'known vehicle') = 'known vehicle'
ORDER BY leaderboard.model, leaderboard.role, window_size, capture`,
  },
  {
    title: "What was odd in the captures",
    sql: `SELECT capture, usage, attack, frames, empty_payloads, backward_steps, repaired_rows, duplicate_of
FROM captures
ORDER BY capture`,
  },
];

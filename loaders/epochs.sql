-- Training curves as the runs wrote them.
SELECT * FROM epochs ORDER BY run_id, metric, split, epoch

-- How many windows of each capture went where, and how many were left out.
SELECT * FROM splits ORDER BY run_id, capture, split

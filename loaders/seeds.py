"""The values behind the leaderboard's means: one for each seed, by the runs each row names."""

from pathlib import Path

import duckdb

LEADERBOARD = Path(__file__).resolve().parent / "leaderboard.sql"

# What tells a row of the leaderboard from the others of its capture and protocol.
MODEL = ("model", "role", "variant", "configuration")
PLACE = ("experiment", "dataset", "split", "capture", "vehicle", "protocol", "calibration_s")


def seed_values(lake: duckdb.DuckDBPyConnection, where: str = "true") -> duckdb.DuckDBPyRelation:
    """A row for each metric of a leaderboard row and each seed behind it, null values left out.

    Args:
        where: which rows of the leaderboard.
    """
    return lake.sql(f"""
        WITH leaderboard AS ({LEADERBOARD.read_text()}),
        run AS (
            SELECT {", ".join([*PLACE, *MODEL])}, n_seeds,
                unnest(string_split(model_run_ids, ', ')) AS model_run_id,
                unnest(string_split(evaluate_run_ids, ', ')) AS evaluate_run_id
            FROM leaderboard WHERE {where}
        )
        SELECT {", ".join(f"run.{name}" for name in (*PLACE, *MODEL))}, run.n_seeds, runs.seed, metric, value
        FROM run
        JOIN runs ON runs.run_id = run.model_run_id
        JOIN metrics ON metrics.run_id = run.evaluate_run_id AND metrics.model_run_id = run.model_run_id
            AND metrics.split = run.split AND metrics.capture = run.capture
            AND metrics.protocol IS NOT DISTINCT FROM run.protocol
            AND metrics.calibration_s IS NOT DISTINCT FROM run.calibration_s
        WHERE value IS NOT NULL AND metric <> 'threshold'
        ORDER BY ALL
    """)

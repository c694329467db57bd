"""Spread and 95 % interval over seeds of each mean on the leaderboard that comes from several."""

import duckdb
import pyarrow as pa

from lake.intervals import summarise
from loaders.seeds import MODEL, PLACE, seed_values

_KEY = (*(name for name in PLACE if name != "vehicle"), *MODEL, "metric")
# Counts say nothing by their mean's spread, and rates of events have the interval of their count.
_LEFT_OUT = "metric <> 'base_rate' AND NOT regexp_matches(metric, '^(episodes|benign_hours|false_alarms)')"
_SCHEMA = pa.schema(
    [(name, pa.float64() if name == "calibration_s" else pa.string()) for name in _KEY]
    + [("n_seeds", pa.int64())]
    + [(name, pa.float64()) for name in ("mean", "deviation", "low", "high")]
)


def load(lake: duckdb.DuckDBPyConnection) -> pa.Table:
    """A row a metric of a leaderboard row with several seeds; `low` and `high` are null where they are too few.

    A metric that one seed lacks has no mean on the leaderboard, and no row here.
    """
    grouped = (
        seed_values(lake, "n_seeds > 1")
        .filter(_LEFT_OUT)
        .aggregate(f"{', '.join(_KEY)}, n_seeds, list(value ORDER BY seed) AS seed_values")
        .filter("len(seed_values) = n_seeds")
        .order(", ".join(_KEY))
    )
    rows = []
    for row in grouped.to_arrow_table().to_pylist():
        one = summarise(row.pop("seed_values"))
        rows.append({**row, "mean": one.mean, "deviation": one.deviation, "low": one.low, "high": one.high})
    return pa.Table.from_pylist(rows, schema=_SCHEMA)

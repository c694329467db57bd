"""What must hold before a version is promoted: a SELECT over the lake that gives one number or one truth value."""

from dataclasses import dataclass
from pathlib import Path

import duckdb

from lake.errors import LakeError
from lake.read import confine, open_lake
from lake.registry_state import Version

MARGIN = 0.005  # of F1, that a version may lie below the one in production

# F1 over all test captures, under each protocol: how far the version lies above what it may not fall below, in the
# worst of them. Nothing, and so not passed, where it was not evaluated, the two did not see the same data, or one of
# them was imported: its numbers have known defects. An imported evaluation does not count.
NOT_WORSE = f"""\
WITH latest AS (
  SELECT metrics.model_run_id AS run_id, protocol, calibration_s, value
  FROM metrics JOIN runs ON runs.run_id = metrics.run_id AND runs.status = 'complete' AND runs.origin IS NULL
  WHERE split = 'test' AND capture = 'all' AND metric = 'f1' AND value IS NOT NULL
  QUALIFY row_number() OVER (
    PARTITION BY metrics.model_run_id, protocol, calibration_s ORDER BY finished_at DESC, metrics.run_id) = 1
), version AS (SELECT * FROM latest WHERE run_id = $run_id
), production AS (SELECT * FROM latest WHERE run_id = $production_run_id
), trained AS (SELECT count(DISTINCT data_digest) <= 1 AND count(origin) = 0 AS are_comparable
  FROM runs WHERE run_id IN ($run_id, $production_run_id))
SELECT CASE WHEN (SELECT count(*) FROM version) > 0 AND (SELECT are_comparable FROM trained)
  THEN min(coalesce(version.value, 0) - coalesce(production.value - {MARGIN}, 0)) END
FROM version FULL JOIN production
  ON version.protocol IS NOT DISTINCT FROM production.protocol
  AND version.calibration_s IS NOT DISTINCT FROM production.calibration_s
"""


@dataclass(frozen=True)
class GateResult:
    """What a gate gave; a truth value as 1 or 0, nothing as None."""

    sql: str
    value: float | None

    @property
    def is_passed(self) -> bool:
        return self.value is not None and self.value > 0


def ask_gate(root: Path, sql: str, version: Version, production: Version | None) -> GateResult:
    """Ask the lake as it is now.

    Args:
        sql: may say $run_id and $checkpoint_digest of the version, and $production_run_id, null where none is there.

    Raises:
        LakeError: it is no single SELECT, asks nothing about the version, DuckDB refuses it, or it gives more than one
            value or none that counts.
    """
    values = {
        "run_id": version.run_id,
        "checkpoint_digest": version.checkpoint_digest,
        "production_run_id": production.run_id if production else None,
    }
    with open_lake(root) as lake:
        try:
            statements = lake.extract_statements(sql)
            if [statement.type for statement in statements] != [duckdb.StatementType.SELECT]:
                raise LakeError("A gate is exactly one SELECT, which gives one number or one truth value.")
            asked = {name: value for name, value in values.items() if name in statements[0].named_parameters}
            confine(lake, root)
            rows = lake.execute(statements[0], asked).fetchall()
        except duckdb.Error as error:
            raise LakeError(
                f"DuckDB refuses the gate: {error}\nIt may use the tables of the lake and {_names(values)}."
            ) from error
    value = _value(rows)
    if not {"run_id", "checkpoint_digest"} & asked.keys():
        raise LakeError("The gate does not ask about the version: it says neither $run_id nor $checkpoint_digest.")
    return GateResult(sql, value)


def _value(rows: list[tuple[object, ...]]) -> float | None:
    if not rows:
        return None
    if len(rows) > 1 or len(rows[0]) != 1:
        raise LakeError(f"The gate gives {len(rows)} rows of {len(rows[0])} columns, not one value. Aggregate it.")
    (value,) = rows[0]
    if value is None:
        return None
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError) as error:
        raise LakeError(f"The gate gives {value!r}, neither a number nor a truth value.") from error
    return number if number == number else None  # NaN is no evidence


def _names(values: dict[str, str | None]) -> str:
    return ", ".join(f"${name}" for name in values)

"""Which of a release's metric rows its card shows: metrics.json has all of them."""

from collections.abc import Sequence

from lake.table import Row
from pipeline.measure import POOLS
from pipeline.protocols import KNOWN, ZERO_SHOT

METRICS = (
    "f1", "mcc", "auroc", "auprc", "recall", "precision", "fpr", "false_alarms_per_hour", "detection_delay_s_median",
)  # fmt: skip


def shown_rows(rows: Sequence[Row]) -> list[Row]:
    """Test rows of `METRICS`: several captures together under every protocol, each capture by itself under the one
    that is natural to it, which is that of a known vehicle for a known one and zero-shot for any other."""
    return [row for row in rows if row["split"] == "test" and row["metric"] in METRICS and _is_shown(row)]


def _is_shown(row: Row) -> bool:
    natural = KNOWN if row["is_known_vehicle"] else ZERO_SHOT
    return row["capture"] in POOLS or row["protocol"] == natural


def protocol_name(row: Row) -> str:
    """The row's protocol with its seconds; the split for what has none."""
    seconds = f", {row['calibration_s']:g} s" if row.get("calibration_s") is not None else ""
    return f"{row.get('protocol') or row['split']}{seconds}"

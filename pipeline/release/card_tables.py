"""The tables of a model card."""

from collections.abc import Mapping, Sequence
from typing import Any

from lake.schema import PROTOCOLS
from lake.table import Row
from pipeline.measure import POOLS
from pipeline.protocols import KNOWN, ZERO_SHOT
from pipeline.release.shown import METRICS, protocol_name, shown_rows
from pipeline.release.source import Source

_HEADS = {"false_alarms_per_hour": "false alarms/h", "detection_delay_s_median": "delay, s"}


def spread(source: Source) -> str:
    if len(source.peers) == 1:
        return "\n"
    lines = []
    for protocol in (KNOWN, ZERO_SHOT):
        for metric in ("f1", "auroc", "fpr"):
            values = [row[protocol, metric] for row in source.peers.values() if row.get((protocol, metric)) is not None]
            if values:
                low, high = min(values), max(values)  # type: ignore[type-var]
                lines.append(f"| {protocol} | {metric} | {low:.4f} | {high:.4f} | {len(values)} |")
    head = [
        "Over all test captures, the lowest and the highest of all seeds:\n",
        "| protocol | metric | lowest | highest | seeds |",
    ]
    return "\n".join(["", *head, "| --- | --- | ---: | ---: | ---: |", *lines, "", ""])


def thresholds(source: Source) -> str:
    """A line a protocol, with how many benign windows set it."""
    counts = {row["protocol"]: row["n"] for row in source.metrics if row["metric"] == "threshold"}
    lines = ["| protocol | alarm above | set on benign validation windows |", "| --- | ---: | ---: |"]
    for name, threshold in source.thresholds.items():
        n = counts.get(name) or "– (as zero-shot)"
        lines.append(f"| {name} | {threshold!r} | {n} |")
    return "\n".join(lines)


def pools(rows: Sequence[Row]) -> str:
    """A line for several captures together, for each protocol."""
    groups = _by_line([row for row in shown_rows(rows) if row["capture"] in POOLS])
    order = sorted(groups, key=lambda key: (PROTOCOLS.index(key[1]), key[2] or 0.0, POOLS.index(key[0])))
    heads = ["protocol", "captures", "n", "attacks"]
    lines = []
    for key in order:
        one = next(iter(groups[key].values()))
        lines.append([protocol_name(one), key[0], one["n"], one["n_attack"], *_numbers(groups[key])])
    return _written(heads, 2, lines)


def table(rows: Sequence[Row]) -> str:
    """A line a test capture, those of known vehicles first."""
    groups = _by_line([row for row in shown_rows(rows) if row["capture"] not in POOLS])
    order = sorted(groups, key=lambda key: (PROTOCOLS.index(key[1]), key[0]))
    heads = ["capture", "vehicle", "in training", "attack", "n", "attacks"]
    lines = []
    for key in order:
        one = next(iter(groups[key].values()))
        known = "yes" if one["is_known_vehicle"] else "**no**"
        about = [key[0], one["vehicle"], known, one["attack"], one["n"], one["n_attack"]]
        lines.append([*about, *_numbers(groups[key])])
    return _written(heads, 4, lines)


def _by_line(rows: Sequence[Row]) -> dict[tuple[str, str, float | None], dict[str, Row]]:
    """Rows by metric, by capture, protocol and seconds of calibration."""
    found: dict[tuple[str, str, float | None], dict[str, Row]] = {}
    for row in rows:
        key = (str(row["capture"]), str(row["protocol"]), row["calibration_s"])
        found.setdefault(key, {})[str(row["metric"])] = row
    return found


def _written(heads: Sequence[str], texts: int, lines: Sequence[Sequence[Any]]) -> str:
    """A Markdown table whose first `texts` columns are words."""
    titles = [*heads, *(_HEADS.get(metric, metric) for metric in METRICS)]
    ruler = ["---"] * texts + ["---:"] * (len(titles) - texts)
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in (titles, ruler, *lines))


def _numbers(metrics: Mapping[str, Row]) -> list[str]:
    return [_number(metrics.get(metric)) for metric in METRICS]


def _number(row: Row | None) -> str:
    if row is None or row["value"] is None:
        return "–"
    return f"{row['value']:.1f}" if row["metric"] == "false_alarms_per_hour" else f"{row['value']:.4f}"

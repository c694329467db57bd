"""The model card: a README for people and metadata for the Hub, both written from lake rows."""

from collections.abc import Mapping, Sequence
from typing import Any

from huggingface_hub import EvalResult, ModelCard, ModelCardData

from lake.table import Row
from pipeline.protocols import KNOWN
from pipeline.release.card_text import card_body
from pipeline.release.errors import ReleaseError
from pipeline.release.shown import protocol_name, shown_rows
from pipeline.release.source import Source

_TASK = "graph-ml"
_TAGS = ("can-bus", "intrusion-detection", "automotive", "graph-neural-network", "knowledge-distillation", "onnx")


def write_card(source: Source, parity: Mapping[str, Any]) -> str:
    """The README of a release.

    Raises:
        ReleaseError: what a reader of the card would find is not what the lake holds.
    """
    data = ModelCardData(
        language="en",
        license="mit",
        library_name="onnx",
        pipeline_tag=_TASK,
        tags=[*_TAGS, *(["demo"] if source.runs["fusion"]["is_demo"] else [])],
        model_name=source.run_id,
        eval_results=_eval_results(source),
    )
    text = f"---\n{data.to_yaml()}\n---\n\n{card_body(source, parity)}"
    check_card(text, source.metrics)
    return text


def check_card(text: str, rows: Sequence[Row]) -> None:
    """Read the card as the Hub does and compare each metric with its row.

    Raises:
        ReleaseError: a metric is missing, added or of another value, or a blank of a template was left open.
    """
    data: Any = ModelCard(text).data
    results: list[EvalResult] = data.eval_results or []
    found: dict[tuple[str | None, ...], Any] = {
        (one.dataset_split, one.dataset_config, one.metric_type): one.metric_value for one in results
    }
    expected: dict[tuple[str | None, ...], Any] = {_key(row): row["value"] for row in published(rows)}
    different = sorted(str(key) for key in expected.keys() | found.keys() if expected.get(key) != found.get(key))
    if different or len(results) != len(expected):
        raise ReleaseError(f"the model card's metrics are not the lake's: {'; '.join(different[:4])}.")
    if "[More Information Needed]" in text:
        raise ReleaseError("the model card has an open blank: [More Information Needed].")


def _eval_results(source: Source) -> list[EvalResult]:
    return [
        EvalResult(
            task_type=_TASK,
            task_name="CAN intrusion detection, a decision a window",
            dataset_type=source.dataset["dataset"],
            dataset_name=source.dataset["title"],
            dataset_config=_config_name(row),
            dataset_split=row["split"],
            dataset_revision=source.dataset["data_digest"],
            dataset_args={
                "windows": row["n"], "attack_windows": row["n_attack"], "vehicle": row["vehicle"],
                "attack": row["attack"], "vehicle_in_training": row["is_known_vehicle"],
                "protocol": row["protocol"], "calibration_s": row["calibration_s"],
            },
            metric_type=row["metric"],
            metric_value=row["value"],
            metric_args={"threshold": source.thresholds.get(str(row["protocol"]), source.thresholds[KNOWN])},
        )
        for row in published(source.metrics)
    ]  # fmt: skip


def published(rows: Sequence[Row]) -> list[Row]:
    """What the card shows that has a value: the Hub has no way to say 'not applicable'."""
    return [row for row in shown_rows(rows) if row["value"] is not None]


def _config_name(row: Row) -> str:
    """The Hub knows a result by dataset, configuration and split, so the configuration names the protocol too."""
    return f"{row['capture']} ({protocol_name(row)})"


def _key(row: Row) -> tuple[str, str, str]:
    return str(row["split"]), _config_name(row), str(row["metric"])

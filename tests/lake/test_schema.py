"""What a row may hold; each breach is refused by name."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from lake.errors import LakeError
from lake.schema import EPOCHS, METRICS, RUNS, TABLES
from lake.table import Table
from tests.lake.rows import epoch_row, metric_row, run_row


def with_id(row: dict[str, Any]) -> dict[str, Any]:
    return {"run_id": "a-run", **row}


ZEROS = [metric_row(metric=name, value=0.0) for name in ("f1", "fpr", "recall", "accuracy", "threshold")]
REFUSED = [
    (EPOCHS, epoch_row(loss=1.0), "epochs: row 0 has no such column as loss"),
    (EPOCHS, {"attempt": 1, "split": "train", "metric": "loss", "value": 1.0}, "epoch is missing"),
    (EPOCHS, epoch_row(value=None), "value is missing"),
    (EPOCHS, epoch_row(value=float("nan")), "value is nan; only finite numbers"),
    (EPOCHS, epoch_row(value=float("-inf")), "value is -inf; only finite numbers"),
    (EPOCHS, epoch_row(value=np.float32("nan")), "value is nan; only finite numbers"),
    (EPOCHS, epoch_row(value="0.5"), "value is '0.5', no number"),
    (EPOCHS, epoch_row(value=True), "value is True, no number"),
    (EPOCHS, epoch_row(epoch=-1), "epoch is -1, below 0"),
    (EPOCHS, epoch_row(epoch=1.5), "epoch is 1.5, no whole number"),
    (EPOCHS, epoch_row(split="training"), "split is 'training', not one of train, validation, test"),
    (EPOCHS, epoch_row(metric=3), "metric is 3, no text"),
    (METRICS, metric_row(value=1.2), "f1 is 1.2, outside [0, 1]"),
    (METRICS, metric_row(value=-0.1), "f1 is -0.1, outside [0, 1]"),
    (METRICS, metric_row(metric="mcc", value=-1.01), "mcc is -1.01, outside [-1, 1]"),
    (METRICS, metric_row(metric="ece", value=1.01), "ece is 1.01, outside [0, 1]"),
    (METRICS, metric_row(metric="recall_at_fpr_1e-3", value=2.0), "recall_at_fpr_1e-3 is 2.0, outside [0, 1]"),
    (METRICS, metric_row(metric="false_alarms_per_hour", value=-0.5), "false_alarms_per_hour is -0.5, below 0"),
    (METRICS, metric_row(metric="detection_delay_s_median", value=-0.01), "detection_delay_s_median is -0.01, below 0"),
    (METRICS, metric_row(protocol="P2"), "protocol is 'P2', not one of known vehicle, calibrated, zero-shot"),
    (METRICS, metric_row(calibration_s=-5.0), "calibration_s is -5.0, below 0"),
    (METRICS, metric_row(n=-1), "n is -1, below 0"),
    (METRICS, metric_row(is_known_vehicle="yes"), "is_known_vehicle is 'yes', neither true nor false"),
    (RUNS, run_row(status="done"), "status is 'done', not one of running, complete"),
    (RUNS, run_row(stage="cook"), "stage is 'cook', not one of"),
    (RUNS, run_row(attempt=0), "attempt is 0, below 1"),
    (RUNS, run_row(started_at="noon"), "started_at is 'noon', no time with a time zone"),
]


@pytest.mark.parametrize(("table", "row", "words"), REFUSED, ids=[words for _, _, words in REFUSED])
def test_a_row_outside_the_contract_is_refused_by_name(table: Table, row: dict[str, Any], words: str) -> None:
    with pytest.raises(LakeError) as refused:
        table.arrow([with_id(row)])
    assert words in str(refused.value)
    assert table.name in str(refused.value)


def test_the_faulty_row_is_named_among_good_ones() -> None:
    with pytest.raises(LakeError, match="row 2: value is nan"):
        EPOCHS.arrow([with_id(epoch_row(epoch=n, value=float("nan") if n == 2 else 0.0)) for n in range(4)])


def test_a_repeated_key_is_refused_with_its_values() -> None:
    rows = [with_id(epoch_row(epoch=3)), with_id(epoch_row(epoch=4)), with_id(epoch_row(epoch=3, value=9.0))]
    with pytest.raises(LakeError, match=r"row 2 repeats the key .*'epoch': 3"):
        EPOCHS.arrow(rows)


def test_rows_that_fit_come_back_in_key_order_with_nulls_where_allowed() -> None:
    table = METRICS.arrow([with_id(metric_row(capture=name, value=None)) for name in ("b", "all", "a")])
    assert table["capture"].to_pylist() == ["a", "all", "b"]
    assert table["value"].to_pylist() == [None] * 3
    assert table["is_known_vehicle"].to_pylist() == [None] * 3


CALIBRATED = [{"protocol": "calibrated", "calibration_s": seconds} for seconds in (5.0, 10.0)]
PROTOCOLS_OF_ONE_CAPTURE = [{}, {"protocol": "zero-shot"}, *CALIBRATED]


def test_one_capture_has_a_row_a_protocol_and_length_of_prefix() -> None:
    rows = [with_id(metric_row(**about)) for about in PROTOCOLS_OF_ONE_CAPTURE]
    table = METRICS.arrow(reversed(rows))
    assert table["protocol"].to_pylist() == [None, "calibrated", "calibrated", "zero-shot"]
    assert table["calibration_s"].to_pylist() == [None, 5.0, 10.0, None]


@pytest.mark.parametrize("about", PROTOCOLS_OF_ONE_CAPTURE)
def test_a_null_in_a_key_repeats_like_any_value(about: dict[str, Any]) -> None:
    rows = [with_id(metric_row(**about, value=value)) for value in (0.1, 0.2)]
    with pytest.raises(LakeError, match="row 1 repeats the key"):
        METRICS.arrow(rows)


def test_numbers_of_numpy_are_numbers() -> None:
    table = EPOCHS.arrow([with_id(epoch_row(epoch=np.int64(2), value=np.float32(0.5)))])
    assert table.to_pylist()[0]["epoch"] == 2
    assert table.to_pylist()[0]["value"] == 0.5


@pytest.mark.parametrize("table", TABLES.values(), ids=list(TABLES))
def test_every_table_has_a_key_and_a_word_on_each_column(table: Table) -> None:
    assert table.owner in table.key
    assert next(iter(table.columns)) == table.owner
    assert set(table.key) <= set(table.columns)
    assert table.latest is None or set(table.latest.about) < set(table.key)
    assert all(column.doc for column in table.columns.values())
    assert table.doc
    assert isinstance(table.schema, pa.Schema)


def test_an_evaluation_that_is_zero_throughout_is_refused() -> None:
    with pytest.raises(LakeError, match="metrics: all 5 values are 0, which no evaluation gives"):
        METRICS.arrow([with_id(row) for row in ZEROS])
    assert METRICS.arrow([with_id(row) for row in ZEROS[:4]]).num_rows == 4
    assert METRICS.arrow([with_id(row) for row in [*ZEROS, metric_row(metric="base_rate", value=0.2)]]).num_rows == 6

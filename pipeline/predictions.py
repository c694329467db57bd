"""What a model said of each window it was tested on, as rows of the lake."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from pipeline.measure import Measured, WindowTimes


def prediction_rows(model_run_id: str, tested: Sequence[tuple[Measured, WindowTimes]]) -> pa.Table:
    """A row a window and protocol, columns as `predictions` has them."""
    lengths = [len(one.score) for one, _ in tested]

    def spread(values: Sequence[str | float | None], kind: pa.DataType) -> pa.Array:
        return pa.array(np.repeat(np.array(values, dtype=object), lengths), kind)

    return pa.table({
        "model_run_id": pa.repeat(pa.scalar(model_run_id), sum(lengths)),
        "split": pa.repeat(pa.scalar("test"), sum(lengths)),
        "capture": spread([one.about.capture for one, _ in tested], pa.string()),
        "protocol": spread([one.key[0] for one, _ in tested], pa.string()),
        "calibration_s": spread([one.key[1] for one, _ in tested], pa.float64()),
        "start_frame": np.concatenate([times.start_frame for _, times in tested]),
        "start_s": np.concatenate([times.start_s for _, times in tested]),
        "label": np.concatenate([one.is_attack for one, _ in tested]).astype(np.int64),
        "score": np.concatenate([one.score for one, _ in tested]),
        "is_alarm": np.concatenate([one.score > one.threshold for one, _ in tested]),
    })  # fmt: skip

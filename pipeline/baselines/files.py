"""A fitted baseline on disk: arrays and a card that names their digest; nothing in it is executed when it is read."""

import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lake.files import sha256_of, whole_file, write_json
from pipeline.baselines.methods import METHODS
from pipeline.baselines.offer import Baseline
from pipeline.errors import StageError

_CARD, _ARRAYS, _VALIDATION = "baseline.json", "baseline.npz", "validation\x1fscore"
_REMEDY = "Restore it, or fit the baseline again with --set repeat=1."


@dataclass(frozen=True, eq=False)
class KeptBaseline:
    """A fitted baseline, the data it was fitted on, and its [V] scores of the validation windows.

    A validation window under a protocol that the method is not defined under has the score NaN.
    """

    method: str
    data_digest: str
    baseline: Baseline
    validation_score: NDArray[np.float64]


def save_baseline(folder: Path, kept: KeptBaseline) -> list[Path]:
    """Write the arrays and then the card; gives the files written."""
    buffer = io.BytesIO()
    arrays: dict[str, Any] = {**kept.baseline.arrays(), _VALIDATION: kept.validation_score}
    np.savez_compressed(buffer, **arrays)
    with whole_file(folder / _ARRAYS) as staged:
        staged.write_bytes(buffer.getvalue())
    card = {"method": kept.method, "data_digest": kept.data_digest, "sha256": sha256_of(folder / _ARRAYS)}
    write_json(folder / _CARD, card)
    return [folder / _ARRAYS, folder / _CARD]


def load_baseline(folder: Path, data_digest: str) -> KeptBaseline:
    """The baseline in `folder`.

    Raises:
        StageError: there is none, its arrays are not those its card names, or it was fitted on other data.
    """
    try:
        card: dict[str, str] = json.loads((folder / _CARD).read_text())
        method, fitted_on, digest = card["method"], card["data_digest"], card["sha256"]
        found = sha256_of(folder / _ARRAYS)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StageError(f"{folder} holds no baseline ({error!r}). {_REMEDY}") from error
    if found != digest:
        raise StageError(
            f"{folder / _ARRAYS} is not the file that was written (SHA-256 {found[:12]}…, not {digest[:12]}…). "
            f"{_REMEDY}"
        )
    if fitted_on != data_digest:
        raise StageError(
            f"{folder} was fitted on data {fitted_on[:12]}, these graphs are data {data_digest[:12]}. {_REMEDY}"
        )
    try:
        with np.load(folder / _ARRAYS, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        validation = arrays.pop(_VALIDATION)
        return KeptBaseline(method, fitted_on, METHODS[method].of(arrays), validation)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StageError(f"{folder} holds no baseline of this code ({error!r}). {_REMEDY}") from error

"""Graphs on disk and in memory: the same flat arrays, memory-mapped; no pickle, no object a graph."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lake.files import sha256_of, whole_file, write_json
from pipeline.config import HabitConfig, WindowConfig
from pipeline.errors import StageError
from pipeline.graphs import EDGE_FEATURES, NODE_FEATURES, GraphArrays
from pipeline.habit import Habit
from pipeline.habits import load_habits, save_habits
from pipeline.protocols import PROTOCOLS
from pipeline.splits import PLACES
from pipeline.vocabulary import Vocabulary

_INDEX, HABITS = "graphs.json", "habits.npz"
_KEYS = {
    "node_features", "edge_features", "data_digest", "captures", "vocabulary", "sha256",
    "window", "habit", "habits_sha256",
}  # fmt: skip
_REMEDY = (
    "Its files were changed or removed after the run was complete: restore them, or prepare again with --set repeat=1."
)


@dataclass(frozen=True)
class CaptureInfo:
    """What evaluation must know of a capture, without its labels; `usage` is train or test."""

    name: str
    vehicle: str
    attack: str
    usage: str
    row_digest: str


@dataclass(frozen=True, eq=False)
class GraphSet:
    """All training and validation graphs of a dataset, and what is needed to build those of any other capture.

    A window stands here once for each protocol that it is trained under. Test captures have no graphs here: they
    are read, built and scored when a model is evaluated, by the same code as `./run score`.

    Attributes:
        capture: [G] int16, index into `captures`.
        place: [G] int8, index into `splits.PLACES`.
        protocol: [G] int8, index into `protocols.PROTOCOLS`.
        habits: of each vehicle with training windows.
    """

    graphs: GraphArrays
    capture: NDArray[np.int16]
    place: NDArray[np.int8]
    protocol: NDArray[np.int8]
    captures: tuple[CaptureInfo, ...]
    vocabulary: Vocabulary
    habits: Mapping[str, Habit]
    window: WindowConfig
    habit: HabitConfig
    data_digest: str

    def at(self, split: str) -> NDArray[np.int64]:
        """Indices of the split's graphs, in recording order."""
        return np.flatnonzero(self.place == PLACES.index(split))

    def benign_at(self, split: str) -> NDArray[np.int64]:
        """Indices of the split's graphs without an attack frame."""
        return np.flatnonzero((self.place == PLACES.index(split)) & ~self.graphs.is_attack)

    def under(self, protocol: str) -> NDArray[np.bool_]:
        """[G] whether the graph was built under the protocol."""
        return np.asarray(self.protocol == PROTOCOLS.index(protocol))

    def known_vehicles(self) -> frozenset[str]:
        """Vehicles with a habit."""
        return frozenset(self.habits)


def save_graphs(folder: Path, graph_set: GraphSet) -> list[Path]:
    """Write the arrays and then the index that names their digests; gives the files written."""
    columns: dict[str, NDArray[Any]] = {
        field.name: getattr(graph_set.graphs, field.name) for field in fields(GraphArrays)
    } | {name: getattr(graph_set, name) for name in ("capture", "place", "protocol")}
    paths = {name: folder / f"{name}.npy" for name in columns}
    for name, column in columns.items():
        # np.save adds .npy to a name that lacks it, so it gets a file instead
        with whole_file(paths[name]) as staged, staged.open("wb") as file:
            np.save(file, column, allow_pickle=False)
    save_habits(folder / HABITS, graph_set.habits)
    index = {
        "node_features": NODE_FEATURES,
        "edge_features": EDGE_FEATURES,
        "window": graph_set.window.model_dump(),
        "habit": graph_set.habit.model_dump(),
        "data_digest": graph_set.data_digest,
        "captures": [vars(capture) for capture in graph_set.captures],
        "vocabulary": list(graph_set.vocabulary.arbitration_ids),
        "sha256": {name: sha256_of(path) for name, path in paths.items()},
        "habits_sha256": sha256_of(folder / HABITS),
    }
    write_json(folder / _INDEX, index)
    return [*paths.values(), folder / HABITS, folder / _INDEX]


def load_graphs(folder: Path) -> GraphSet:
    """The graphs of a complete prepare run, memory-mapped, once their bytes are known to be those it wrote.

    Raises:
        StageError: there are none, they were altered, or they were built with other features than this code's.
    """
    index = _read_index(folder)
    for name, features in (("node_features", NODE_FEATURES), ("edge_features", EDGE_FEATURES)):
        if tuple(index[name]) != features:
            raise StageError(
                f"{folder} was built with the {name} {', '.join(index[name])}; this code has "
                f"{', '.join(features)}. Prepare again with --set repeat=1."
            )
    columns = {name: _read_column(folder / f"{name}.npy", digest) for name, digest in index["sha256"].items()}
    return GraphSet(
        graphs=GraphArrays(**{field.name: columns[field.name] for field in fields(GraphArrays)}),
        capture=columns["capture"],
        place=columns["place"],
        protocol=columns["protocol"],
        captures=tuple(CaptureInfo(**capture) for capture in index["captures"]),
        vocabulary=Vocabulary(tuple(index["vocabulary"])),
        habits=_read_habits(folder / HABITS, index["habits_sha256"]),
        window=WindowConfig.model_validate(index["window"]),
        habit=HabitConfig.model_validate(index["habit"]),
        data_digest=index["data_digest"],
    )


def data_digest_of(folder: Path) -> str:
    """The digest of the data that the graphs in `folder` were built from. Raises StageError as `load_graphs`."""
    return str(_read_index(folder)["data_digest"])


def _read_index(folder: Path) -> dict[str, Any]:
    try:
        index: dict[str, Any] = json.loads((folder / _INDEX).read_text())
        missing = _KEYS - index.keys()
    except (OSError, ValueError, AttributeError) as error:
        raise StageError(f"{folder} holds no graphs ({error}). {_REMEDY}") from error
    if missing:
        raise StageError(f"{folder / _INDEX} lacks {', '.join(sorted(missing))}. {_REMEDY}")
    return index


def _read_habits(path: Path, digest: str) -> dict[str, Habit]:
    _check_digest(path, digest)
    return load_habits(path)


def _read_column(path: Path, digest: str) -> NDArray[Any]:
    _check_digest(path, digest)
    # copy-on-write: read from the file as needed, never written back
    column: NDArray[Any] = np.load(path, mmap_mode="c", allow_pickle=False)
    return column


def _check_digest(path: Path, digest: str) -> None:
    try:
        found = sha256_of(path)
    except OSError as error:
        raise StageError(f"{path} cannot be read ({error.strerror}). {_REMEDY}") from error
    if found != digest:
        raise StageError(
            f"{path} is not the file that was written (SHA-256 {found[:12]}…, not {digest[:12]}…). {_REMEDY}"
        )

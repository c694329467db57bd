"""Graphs on disk and in memory: the same flat arrays, memory-mapped; no pickle, no object a graph."""

import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lake.files import sha256_of, whole_file, write_json
from pipeline.errors import StageError
from pipeline.graphs import EDGE_FEATURES, NODE_FEATURES, GraphArrays
from pipeline.splits import PLACES
from pipeline.vocabulary import Vocabulary

_INDEX = "graphs.json"
_KEYS = {
    "node_features", "edge_features", "window_size", "data_digest", "captures", "vocabulary", "sha256",
}  # fmt: skip
_REMEDY = (
    "Its files were changed or removed after the run was complete: restore them, or prepare again with --set repeat=1."
)


@dataclass(frozen=True)
class CaptureInfo:
    """What evaluation must know of a capture, without its labels."""

    name: str
    vehicle: str
    attack: str


@dataclass(frozen=True, eq=False)
class GraphSet:
    """All graphs of a dataset.

    Attributes:
        capture: [G] int16, index into `captures`.
        place: [G] int8, index into `splits.PLACES`.
    """

    graphs: GraphArrays
    capture: NDArray[np.int16]
    place: NDArray[np.int8]
    captures: tuple[CaptureInfo, ...]
    vocabulary: Vocabulary
    window_size: int
    data_digest: str

    def at(self, split: str) -> NDArray[np.int64]:
        """Indices of the split's graphs, in recording order."""
        return np.flatnonzero(self.place == PLACES.index(split))

    def benign_at(self, split: str) -> NDArray[np.int64]:
        """Indices of the split's graphs without an attack frame."""
        return np.flatnonzero((self.place == PLACES.index(split)) & ~self.graphs.is_attack)

    def known_vehicles(self) -> frozenset[str]:
        """Vehicles with a window in the training split."""
        return frozenset(self.captures[i].vehicle for i in np.unique(self.capture[self.at("train")]))


def save_graphs(folder: Path, graph_set: GraphSet) -> list[Path]:
    """Write the arrays and then the index that names their digests; gives the files written."""
    columns: dict[str, NDArray[Any]] = {
        field.name: getattr(graph_set.graphs, field.name) for field in fields(GraphArrays)
    } | {"capture": graph_set.capture, "place": graph_set.place}
    paths = {name: folder / f"{name}.npy" for name in columns}
    for name, column in columns.items():
        # np.save adds .npy to a name that lacks it, so it gets a file instead
        with whole_file(paths[name]) as staged, staged.open("wb") as file:
            np.save(file, column, allow_pickle=False)
    index = {
        "node_features": NODE_FEATURES,
        "edge_features": EDGE_FEATURES,
        "window_size": graph_set.window_size,
        "data_digest": graph_set.data_digest,
        "captures": [vars(capture) for capture in graph_set.captures],
        "vocabulary": list(graph_set.vocabulary.arbitration_ids),
        "sha256": {name: sha256_of(path) for name, path in paths.items()},
    }
    write_json(folder / _INDEX, index)
    return [*paths.values(), folder / _INDEX]


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
        captures=tuple(CaptureInfo(**capture) for capture in index["captures"]),
        vocabulary=Vocabulary(tuple(index["vocabulary"])),
        window_size=index["window_size"],
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


def _read_column(path: Path, digest: str) -> NDArray[Any]:
    try:
        found = sha256_of(path)
    except OSError as error:
        raise StageError(f"{path} cannot be read ({error.strerror}). {_REMEDY}") from error
    if found != digest:
        raise StageError(
            f"{path} is not the file that was written (SHA-256 {found[:12]}…, not {digest[:12]}…). {_REMEDY}"
        )
    # copy-on-write: read from the file as needed, never written back
    column: NDArray[Any] = np.load(path, mmap_mode="c", allow_pickle=False)
    return column

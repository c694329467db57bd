"""`./run data index`: reads every capture that is here and keeps what is in it, and what it has in common."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from lake.files import sha256_of
from lake.read import open_lake
from lake.table import Row
from pipeline.data_captures import capture_row, dataset_rows, doubts, find_duplicates, read_capture
from pipeline.data_catalogue import describe_dataset, find_dataset, load_catalogue
from pipeline.datasets import CaptureFile, captures_of, members_here
from pipeline.errors import ConfigError
from pipeline.provenance import code_provenance
from pipeline.runs import Outcome, RunFolder, claim, digest_of, recorded, run_id_of, run_statuses
from pipeline.settings import Settings
from pipeline.splits import SAME_RECORDING, KeySet

Keys = NDArray[np.uint64]


@dataclass(frozen=True)
class Overlap:
    """Two captures that have frames in common, each frame counted once."""

    first: str
    second: str
    frames: int


def index_datasets(names: Sequence[str], settings: Settings, say: Callable[[str], None]) -> str:
    """The run that holds the rows of every capture of the datasets; it is only read anew when a file changed.

    Args:
        names: datasets or collections; none stands for all whose folder is here.

    Raises:
        ConfigError: unknown dataset, or nothing of it is here.
        CaptureError: a capture is not what the catalogue says.
    """
    here = _datasets(names, settings)
    files = [file for name in here for file in captures_of(name, settings, prefix=f"{name}/")]
    if not files:
        raise ConfigError(f"no capture of {', '.join(here)} is in {settings.data}. See ./run data.")
    determinants = {
        "catalogue": {name: describe_dataset(name) for name in here},
        "files": [[file.name, file.usage, sha256_of(file.path)] for file in files],
    }
    folder = RunFolder(settings.runs, run_id_of("data", "index", None, determinants))
    with claim(folder):
        status, attempt = run_statuses(settings.lake, [folder.run_id]).get(folder.run_id, ("missing", 0))
        if status == "complete":
            say(f"{folder.run_id}: complete")
            return folder.run_id
        first = _first_row("+".join(here), determinants)
        with recorded(settings.lake, folder, first, attempt + 1, say) as outcome:
            _index(files, outcome, lambda line: say(f"{folder.run_id}: {line}"))
    return folder.run_id


def indexed_rows(run_id: str, settings: Settings) -> list[dict[str, Any]]:
    """What an index run keeps of each capture, by name."""
    with open_lake(settings.lake, tables=["captures"]) as connection:
        found = connection.execute("SELECT * FROM captures WHERE run_id = $id ORDER BY capture", {"id": run_id})
        names = [column[0] for column in found.description]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def find_overlaps(keys: Mapping[str, Keys]) -> list[Overlap]:
    """Every pair of captures with a frame in common, the largest overlap first."""
    names = list(keys)
    own = [np.unique(one) for one in keys.values()]
    key = np.concatenate(own)
    capture = np.repeat(np.arange(len(own)), [len(one) for one in own])
    order = np.argsort(key, kind="stable")  # within a key by capture, so a pair has its first one first
    key, capture = key[order], capture[order]
    counts = np.zeros((len(own), len(own)), dtype=np.int64)
    for distance in range(1, len(own)):
        same = np.flatnonzero(key[distance:] == key[:-distance])
        if not len(same):
            break
        np.add.at(counts, (capture[same], capture[same + distance]), 1)
    pairs = [Overlap(names[i], names[j], int(counts[i, j])) for i, j in np.argwhere(counts)]
    return sorted(pairs, key=lambda pair: (-pair.frames, pair.first, pair.second))


def find_copies(successions: Mapping[str, Keys]) -> dict[str, str]:
    """Captures whose frames stand in another in the same order -> that other; times do not matter."""
    copies: dict[str, str] = {}
    for pair in find_overlaps(successions):
        shorter = min(len(successions[pair.first]), len(successions[pair.second]))
        if pair.frames > SAME_RECORDING * shorter:
            copies.setdefault(pair.first, pair.second)
            copies.setdefault(pair.second, pair.first)
    return copies


def _index(files: Sequence[CaptureFile], outcome: Outcome, say: Callable[[str], None]) -> None:
    rows: list[dict[str, Any]] = []
    keys: dict[str, Keys] = {}
    successions: dict[str, Keys] = {}
    ids: dict[str, set[int]] = {}
    for file in _with_a_bar(files):
        log = read_capture(file)
        for doubt in doubts(log):
            say(f"{file.name}: {doubt}")
        rows.append(dict(capture_row(file, log, log.row_digest(), None)))
        keys[file.name], successions[file.name] = log.row_keys(), log.succession_keys()
        ids.setdefault(file.dataset, set()).update(np.unique(log.arbitration_id).tolist())
    duplicates = find_duplicates(files, {row["capture"]: row["row_digest"] for row in rows})
    overlaps, copies = find_overlaps(keys), find_copies(successions)
    for row in rows:
        if first := duplicates.get(row["capture"]):
            row |= {"usage": "duplicate", "duplicate_of": first}
        row |= _shared(row["capture"], keys[row["capture"]], keys, overlaps)
        row["same_recording_as"] = copies.get(row["capture"])
    n_frames = sum(row["frames"] for row in rows)
    say(f"read {len(rows)} captures, {n_frames:,} frames, {len(duplicates)} duplicates, {len(overlaps)} overlaps")
    outcome.rows["captures"] = list(rows)
    outcome.rows["datasets"] = [
        {**row, "vocabulary_size": 1 + len(ids[row["dataset"]])} for row in dataset_rows(rows, vocabulary_size=0)
    ]
    outcome.facts["data_digest"] = digest_of(sorted(row["row_digest"] for row in rows))


def _shared(name: str, own: Keys, keys: Mapping[str, Keys], overlaps: Iterable[Overlap]) -> Row:
    """How many frames of a capture stand in others, and in which one most of them."""
    others = [
        pair.second if pair.first == name else pair.first for pair in overlaps if name in (pair.first, pair.second)
    ]
    if not others:
        return {"shared_frames": 0, "shared_with": None}
    is_shared = np.zeros(len(own), dtype=bool)
    for other in others:
        is_shared |= KeySet(keys[other]).holds(own)
    return {"shared_frames": int(is_shared.sum()), "shared_with": others[0]}


def _datasets(names: Sequence[str], settings: Settings) -> list[str]:
    if not names:
        return [name for name, row in load_catalogue().items() if not row.members and row.folder(settings).is_dir()]
    found = [member for name in names for member in members_here(name, settings)]
    return sorted(set(found), key=found.index)


def _first_row(dataset: str, determinants: Mapping[str, Any]) -> dict[str, Any]:
    catalogue = determinants["catalogue"]
    return {
        "experiment": "data",
        "stage": "index",
        "dataset": dataset,
        "is_demo": all(find_dataset(name).bundled for name in catalogue),
        "config_json": json.dumps(catalogue, sort_keys=True),
        "config_digest": digest_of(catalogue),
        "device": "cpu",
        **code_provenance(),
    }


def _with_a_bar(files: Sequence[CaptureFile]) -> Iterable[CaptureFile]:
    console = Console(stderr=True)
    return track(files, "reading", console=console, transient=True, disable=not console.is_terminal)

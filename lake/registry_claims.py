"""The files that give the registry's events their numbers, `claims/<model>/<number>.json`.

A claim holds the whole event, says itself when a byte of it changes, and says which model's event of which number it
is. It carries the digest of the event before it, as the table has that one: a claim may be older than what was copied.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from lake.errors import LakeError
from lake.files import json_bytes
from lake.manifest_file import load_manifest, manifest_bytes
from lake.numbered import last_number, numbered_path, numbers, put_numbered
from lake.schema_registry import REGISTRY
from lake.table import Row

FOLDER = "claims"


@dataclass(frozen=True)
class Claim:
    """An event, and the digest of the one before it; null where it is the first."""

    row: Row
    previous: str | None


def put_claim(root: Path, row: Row, before: Row | None) -> bool:
    """Claim the event's number; False, and nothing done, where it is taken.

    Raises:
        LakeError: the lake cannot be written.
    """
    value = {**_plain(row), "previous": _digest(before)}
    return put_numbered(root / FOLDER / row["model_name"], row["sequence"], manifest_bytes(value))


def claims_of(root: Path, name: str) -> dict[int, Claim]:
    """A model's claims by number.

    Raises:
        LakeError: one cannot be read, or is of another model or number.
    """
    folder = root / FOLDER / name
    found = numbers(folder)
    behind = last_number(folder) + 1  # the listing of a network file system may be seconds old, a look at a name is not
    while found and numbered_path(folder, behind).exists():
        found.append(behind)
        behind += 1
    return {number: _read(name, number, numbered_path(folder, number)) for number in found}


def check_chain(root: Path, name: str, claims: Mapping[int, Claim], events: Mapping[int, Row]) -> None:
    """Raises LakeError where a claim follows another event than the one that stands before it."""
    for number, claim in claims.items():
        if claim.previous != _digest(events.get(number - 1)):
            raise LakeError(
                f"{numbered_path(root / FOLDER / name, number)} follows another event {number - 1} of {name} than the "
                f"one that is there. Restore {FOLDER}/{name} and {REGISTRY.name}/{name} from one copy."
            )


def _read(name: str, number: int, path: Path) -> Claim:
    try:
        row = load_manifest(path)
        previous = row.pop("previous")
        row["happened_at"] = datetime.fromisoformat(row["happened_at"])
        (checked,) = REGISTRY.check([row])
    except (OSError, ValueError, KeyError, TypeError, LakeError) as error:
        raise LakeError(
            f"{path} cannot be read as an event of the registry ({error}). Restore it from a copy, or remove it where "
            "the table registry has that event."
        ) from error
    if (checked["model_name"], checked["sequence"]) != (name, number):
        raise LakeError(
            f"{path} is event {checked['sequence']} of {checked['model_name']}, put under another name. Restore "
            f"{FOLDER}/{name} from a copy, or remove it where {name} is no model of yours."
        )
    return Claim(checked, previous)


def _digest(row: Row | None) -> str | None:
    """Over what the event says; a column that a later schema adds is null in it and changes nothing."""
    said = {name: value for name, value in _plain(row).items() if value is not None} if row else None
    return hashlib.sha256(json_bytes(said)).hexdigest() if said else None


def _plain(row: Row) -> dict[str, object]:
    return {**row, "happened_at": row["happened_at"].astimezone(UTC).isoformat()}

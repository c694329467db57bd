"""The registry's events: read in their order, and written so that of two at once one comes first and the other after.

An event is claimed by an exclusive file with its number and its row, `claims/<model>/<number>.json`, and then becomes
a part of the table `registry`. A process that dies between the two has lost and blocked nothing: the claim holds the
event, whoever looks next counts it in and writes the part, and the same part from two hands is one.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lake.append import append
from lake.errors import LakeError
from lake.files import visible
from lake.parts import is_safe_name
from lake.read import open_lake
from lake.registry_claims import FOLDER, Claim, check_chain, claims_of, put_claim
from lake.registry_state import Model, model_of
from lake.schema_registry import REGISTRY
from lake.table import Row
from lake.who import user_name

Clock = Callable[[], datetime]


def record(root: Path, name: str, decide: Callable[[Model], Mapping[str, Any] | None], clock: Clock) -> Model:
    """Add an event to a model's and give what then holds.

    Args:
        decide: from what holds to the event's columns, or None where nothing is to be done; asked anew where another
            process was first.

    Raises:
        LakeError: as `decide` and `events_of`, or the lake cannot be written.
    """
    if not is_safe_name(name):
        raise LakeError(f"{name!r} cannot name a model: use up to 160 letters, digits, '.', '_' and '-'.")
    while True:
        known = events_of(root, name)
        model = model_of(name, known)
        decided = decide(model)
        if decided is None:
            return model
        event = {**decided, "model_name": name, "sequence": len(known) + 1, "who": user_name(), "happened_at": clock()}
        (row,) = REGISTRY.check([{**dict.fromkeys(REGISTRY.columns), **event}])
        if put_claim(root, row, known[-1] if known else None):
            _publish(root, row)
            return model_of(name, [*known, row])


def events_of(root: Path, name: str) -> list[Row]:
    """The model's events, in order; claims that are in no part yet are among them, and become parts if that can be.

    Raises:
        LakeError: one is missing, stands there in two versions, cannot be read, or is not where it was written.
    """
    return _with_claims(root, name, _published(root, "WHERE model_name = $name", name=name))


def models_of(root: Path) -> list[Model]:
    """Every model, by name."""
    return [model_of(name, _with_claims(root, name, own)) for name, own in _by_model(root).items()]


def registry_faults(root: Path) -> list[str]:
    """Models whose events cannot be read, contradict each other or are not all there; nothing is changed."""
    if not any((root / name).exists() for name in (FOLDER, REGISTRY.name)):
        return []
    faults = []
    for name, own in _by_model(root).items():
        try:
            _in_order(root, name, own, claims_of(root, name))
        except LakeError as error:
            faults.append(str(error))
    return faults


def _by_model(root: Path) -> dict[str, list[Row]]:
    """The rows that parts hold of each model that has an event, be it only claimed."""
    published = _published(root, "")
    names = {str(row["model_name"]) for row in published} | {entry.name for entry in visible(root / FOLDER)}
    return {name: [row for row in published if row["model_name"] == name] for name in sorted(names)}


def _published(root: Path, where: str, **values: str) -> list[Row]:
    with open_lake(root, tables=["registry"]) as lake:
        found = lake.sql(f"SELECT * FROM registry {where} ORDER BY ALL", params=values)
        rows: list[Row] = found.to_arrow_table().to_pylist()
    return rows


def _with_claims(root: Path, name: str, published: list[Row]) -> list[Row]:
    claimed = claims_of(root, name)
    events = _in_order(root, name, published, claimed)
    for number in claimed.keys() - {row["sequence"] for row in published}:
        with suppress(LakeError):  # a lake that cannot be written is read all the same
            _publish(root, claimed[number].row)
    return events


def _in_order(root: Path, name: str, published: list[Row], claimed: Mapping[int, Claim]) -> list[Row]:
    events: dict[int, Row] = {}
    for row in [*published, *(claim.row for claim in claimed.values())]:
        other = events.setdefault(row["sequence"], row)
        if other != row:
            raise LakeError(
                f"registry: event {row['sequence']} of {name} stands there twice: {_told(other)}; and {_told(row)}. "
                f"Two lakes that each went on by themselves were put together: keep one's {REGISTRY.name}/{name} and "
                f"{FOLDER}/{name}, and register again what the other had."
            )
    if sorted(events) != list(range(1, len(events) + 1)):
        missing = min(set(range(1, max(events) + 1)) - set(events))
        raise LakeError(f"registry: event {missing} of {name} is missing. Restore {REGISTRY.name}/{name} from a copy.")
    check_chain(root, name, claimed, events)
    return [events[number] for number in sorted(events)]


def _publish(root: Path, row: Row) -> None:
    append(root, REGISTRY, row["model_name"], f"{row['sequence']:06d}", [row])


def _told(row: Row) -> str:
    return f"{row['action']} version {row['version']} by {row['who']} at {row['happened_at']:%Y-%m-%d %H:%M:%S}"


def now() -> datetime:
    return datetime.now(UTC)

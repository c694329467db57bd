"""The registry of models: which checkpoints are versions of a model, what stage each is in, what aliases name them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lake.errors import LakeError
from lake.registry_candidate import find_candidate
from lake.registry_gate import NOT_WORSE, GateResult, ask_gate
from lake.registry_log import Clock, events_of, models_of, now, record
from lake.registry_names import PROTECTED, Reference, check_alias, is_protected, name_of, read_reference
from lake.registry_state import GATED, STEPS, Model, Version, model_of
from lake.table import Row


@dataclass(frozen=True)
class Override:
    """Whether what stands in the way is overridden, and why the event happens."""

    force: bool = False
    reason: str | None = None

    def over(self, obstacle: str) -> None:
        """Raises LakeError, with the obstacle, unless it is overridden with a reason."""
        if not self.force or not (self.reason or "").strip():
            raise LakeError(f'{obstacle}\nTo do it all the same: --force --reason "…", which is kept.')


@dataclass(frozen=True)
class Resolved:
    """The version that a reference means."""

    name: str
    version: Version
    aliases: tuple[str, ...]


def register(root: Path, run_id: str, override: Override | None = None, clock: Clock = now) -> Resolved:
    """Make a complete run's checkpoint the next version of its model; one that is a version already stays that.

    Raises:
        LakeError: no such run, it is not complete, it left no checkpoint, or it was imported and that is not
            overridden.
    """
    run, digest = find_candidate(root, run_id)
    allowed = override or Override()

    def decide(model: Model) -> Mapping[str, Any] | None:
        if any(version.checkpoint_digest == digest for version in model.versions.values()):
            return None
        is_imported = run["origin"] is not None
        if is_imported:
            allowed.over(_imported(run))
        number = len(model.versions) + 1
        return _event("register", Version(number, run_id, digest), allowed.reason, is_imported)

    model = record(root, name_of(run), decide, clock)
    return _resolved(model, next(one for one in model.versions.values() if one.checkpoint_digest == digest))


def promote(
    root: Path, text: str, stage: str, gate: str = NOT_WORSE, override: Override | None = None, clock: Clock = now
) -> Resolved:
    """Put a version into a stage; for staging and production the gate is asked, and what it gave is kept.

    Raises:
        LakeError: no such version, the stage is no next step, or the gate is not passed, and neither is overridden.
    """
    meant, allowed = resolve(root, text), override or Override()

    def decide(model: Model) -> Mapping[str, Any] | None:
        version = model.versions[meant.version.number]
        if version.stage == stage:
            return None
        obstacles = []
        if stage not in STEPS[version.stage]:
            obstacles.append(
                f"{model.name}:{version.number} is in {version.stage}; from there it goes to "
                f"{' or '.join(STEPS[version.stage])}, not to {stage}."
            )
        result = ask_gate(root, gate, version, _other(model, version)) if stage in GATED else None
        if result and not result.is_passed:
            obstacles.append(_refusal(model, version, stage, result))
        for obstacle in obstacles:
            allowed.over(obstacle)
        asked = {"gate": result.sql, "gate_value": result.value} if result else {}
        return _event("promote", version, allowed.reason, bool(obstacles), stage=stage, **asked)

    model = record(root, meant.name, decide, clock)
    return _resolved(model, model.versions[meant.version.number])


def set_alias(
    root: Path, text: str, alias: str, override: Override | None = None, clock: Clock = now
) -> Resolved:  # fmt: skip
    """Have an alias name a version; it leaves the one it named.

    Raises:
        LakeError: no such version, no fit name, or the alias is protected and names another version.
    """
    meant, allowed = resolve(root, text), override or Override()
    check_alias(alias)

    def decide(model: Model) -> Mapping[str, Any] | None:
        version = meant.version
        before = model.aliases.get(alias)
        if before == version.number:
            return None
        is_moved = before is not None and is_protected(alias)
        if is_moved:
            allowed.over(f"@{alias} names {model.name}:{before} and is protected ({', '.join(PROTECTED)}).")
        return _event("alias", version, allowed.reason, is_moved, alias=alias)

    model = record(root, meant.name, decide, clock)
    return _resolved(model, model.versions[meant.version.number])


def remove_alias(
    root: Path, text: str, alias: str, override: Override | None = None, clock: Clock = now
) -> Model:  # fmt: skip
    """Take an alias away.

    Args:
        text: the model; or the version that the alias names, as a person believes.

    Raises:
        LakeError: the model has no such alias, it names another version than that, or it is protected.
    """
    reference, allowed = read_reference(text), override or Override()
    name = reference.name

    def decide(model: Model) -> Mapping[str, Any] | None:
        version = model.find(Reference(name, alias=alias))
        if not reference.is_name and (meant := model.find(reference)) != version:
            raise LakeError(
                f"@{alias} names {name}:{version.number}, not {name}:{meant.number}. Nothing was changed; to take it "
                f"away all the same, name the version it names, or {name} alone."
            )
        if is_protected(alias):
            allowed.over(f"@{alias} names {model.name}:{version.number} and is protected ({', '.join(PROTECTED)}).")
        return _event("unalias", version, allowed.reason, is_protected(alias), alias=alias)

    return record(root, name, decide, clock)


def resolve(root: Path, text: str) -> Resolved:
    """The version that a reference means.

    Raises:
        LakeError: there is none.
    """
    reference = read_reference(text)
    model = model_of(reference.name, events_of(root, reference.name))
    if not model.events:
        known = ", ".join(model.name for model in models_of(root)) or "none yet"
        raise LakeError(
            f"no model is called {reference.name!r}. Models: {known}. ./run registry register RUN makes a version."
        )
    return _resolved(model, model.find(reference))


def history(root: Path, name: str) -> list[Row]:
    """Every event of a model, in order. Raises LakeError where there is no such model."""
    events = events_of(root, read_reference(name).name)
    if not events:
        resolve(root, name)
    return events


def _event(
    action: str, version: Version, reason: str | None = None, is_forced: bool = False, **more: Any
) -> dict[str, Any]:
    reason = (reason or "").strip() or None
    return {
        "action": action, "version": version.number, "checkpoint_digest": version.checkpoint_digest,
        "run_id": version.run_id, "reason": reason, "is_forced": is_forced, **more,
    }  # fmt: skip


def _other(model: Model, version: Version) -> Version | None:
    return None if model.production == version else model.production


def _imported(run: Row) -> str:
    defects = f" and has known defects ({run['defects']})" if run["defects"] else ""
    return f"run {run['run_id']} was imported from {run['origin']}{defects}: register what this pipeline trained."


def _refusal(model: Model, version: Version, stage: str, result: GateResult) -> str:
    gave = "nothing" if result.value is None else f"{result.value:.6g}"
    about = "the gate given"
    if result.sql == NOT_WORSE:
        about = (
            "F1 on the test captures against the version in production, or against 0 where there is none; nothing "
            "where one of the two was imported"
        )
    return (
        f"{model.name}:{version.number} ({version.run_id}) is not promoted to {stage}: the gate gives {gave}, not a "
        f"number above 0 or true ({about}). Evaluate the run, or ask another question: --gate SQL."
    )


def _resolved(model: Model, version: Version) -> Resolved:
    return Resolved(model.name, version, tuple(model.aliases_of(version)))

"""What the registry's events come to: a model's versions, the stage of each, and which the aliases name."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from lake.errors import LakeError
from lake.registry_names import Reference
from lake.table import Row

# What a version may be promoted to from each stage without being forced.
STEPS: Mapping[str, tuple[str, ...]] = {
    "none": ("staging", "archived"),
    "staging": ("production", "archived"),
    "production": ("archived",),
    "archived": ("staging",),
}
GATED = ("staging", "production")  # what asks the gate first
_ONE_ONLY = "production"  # a stage that one version at a time is in; who was there before goes to the archive


@dataclass(frozen=True)
class Version:
    """One checkpoint of a model."""

    number: int
    run_id: str
    checkpoint_digest: str
    stage: str = "none"


@dataclass(frozen=True)
class Model:
    """What holds of a model now; `events` is how many led here."""

    name: str
    versions: Mapping[int, Version] = field(default_factory=dict)
    aliases: Mapping[str, int] = field(default_factory=dict)
    events: int = 0

    @property
    def production(self) -> Version | None:
        return next(iter(self.in_stage(_ONE_ONLY)), None)

    def in_stage(self, stage: str) -> list[Version]:
        return [version for version in self.versions.values() if version.stage == stage]

    def aliases_of(self, version: Version) -> list[str]:
        return sorted(alias for alias, number in self.aliases.items() if number == version.number)

    def find(self, reference: Reference) -> Version:
        """The version that is meant.

        Raises:
            LakeError: there is none, or there are several; says which there are.
        """
        if reference.version is not None or reference.alias is not None:
            number = reference.version if reference.alias is None else self.aliases.get(reference.alias)
            if number is not None and number in self.versions:
                return self.versions[number]
            raise LakeError(f"{reference} is not registered. {self._choices()}")
        found = self.in_stage(reference.stage or _ONE_ONLY)
        if len(found) == 1:
            return found[0]
        what = "no version" if not found else f"{len(found)} versions"
        raise LakeError(f"{reference}: {what} of {self.name} in {reference.stage or _ONE_ONLY}. {self._choices()}")

    def _choices(self) -> str:
        """What of the model can be named."""
        versions = [f"{self.name}:{one.number} ({one.stage}, {one.run_id})" for one in self.versions.values()]
        aliases = [f"@{alias}" for alias in sorted(self.aliases)]
        return "There are: " + (", ".join([*versions, *aliases]) or "none; ./run registry register RUN makes one") + "."


def model_of(name: str, events: Iterable[Row]) -> Model:
    """The fold over a model's events, which come in their order."""
    model = Model(name)
    for event in events:
        model = replace(_after(model, event), events=model.events + 1)
    return model


def _after(model: Model, event: Row) -> Model:
    number = event["version"]
    match event["action"]:
        case "register":
            version = Version(number, event["run_id"], event["checkpoint_digest"])
            return replace(model, versions={**model.versions, number: version})
        case "promote":
            return replace(model, versions=_promoted(model.versions, number, event["stage"]))
        case "alias":
            return replace(model, aliases={**model.aliases, event["alias"]: number})
        case _:
            return replace(model, aliases={a: n for a, n in model.aliases.items() if a != event["alias"]})


def _promoted(versions: Mapping[int, Version], number: int, stage: str) -> dict[int, Version]:
    moved = {**versions, number: replace(versions[number], stage=stage)}
    if stage == _ONE_ONLY:
        for other in versions.values():
            if other.stage == _ONE_ONLY and other.number != number:
                moved[other.number] = replace(other, stage="archived")
    return moved

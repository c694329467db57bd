"""An experiment's TOML, its overrides and its variants, read into the types of `pipeline/config.py`; nothing else reads
one."""

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from pipeline.config import RunConfig
from pipeline.errors import ConfigError
from pipeline.names import nearest

CONFIGS = Path(__file__).resolve().parent / "configs"


def load_config(name_or_path: str, overrides: Sequence[str] = ()) -> RunConfig:
    """The experiment of that name in `pipeline/configs/`, or in the TOML file at that path.

    Args:
        overrides: `section.key=value` each, the value in TOML; they win over the file.

    Raises:
        ConfigError: no such experiment, no TOML, an unknown key or a value out of range.
    """
    path = find_config(name_or_path)
    try:
        values = tomllib.loads(path.read_text())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not valid TOML: {error}. Mend the line and run again.") from error
    values.setdefault("name", path.stem)
    for override in overrides:
        _set(values, override)
    try:
        config = RunConfig.model_validate(values)
    except ValidationError as error:
        raise ConfigError(f"{path} is not an experiment:\n{_faults(error)}") from error
    expand(config)  # a variant that is none should fail now
    return config


def expand(config: RunConfig) -> dict[str, RunConfig]:
    """The experiment itself, under the empty name, and its variants.

    Raises:
        ConfigError: a variant names an unknown key or a value out of range.
    """
    found = {"": config.model_copy(update={"variants": {}})}
    for variant, overrides in config.variants.items():
        values = found[""].model_dump(mode="json")
        for dotted, value in overrides.items():
            _put(values, dotted, value, f"variants.{variant}.{dotted}")
        try:
            found[variant] = RunConfig.model_validate(values)
        except ValidationError as error:
            raise ConfigError(f"variant {variant} of {config.name} is not an experiment:\n{_faults(error)}") from error
        if found[variant].name != config.name or found[variant].variants:
            raise ConfigError(f"variant {variant} of {config.name} may change neither name nor variants.")
    return found


def find_config(name_or_path: str) -> Path:
    """Raises ConfigError, with the nearest name, where no such experiment exists."""
    for path in (Path(name_or_path), CONFIGS / "experiments" / f"{name_or_path}.toml"):
        if path.suffix == ".toml" and path.is_file():
            return path
    known = sorted(path.stem for path in (CONFIGS / "experiments").glob("*.toml"))
    raise ConfigError(
        f"no experiment is called {name_or_path!r}{nearest(name_or_path, known)} "
        f"Experiments: {', '.join(known)}; or give the path of a .toml file."
    )


def _set(values: dict[str, Any], override: str) -> None:
    dotted, equals, text = override.partition("=")
    if not equals or not dotted:
        raise ConfigError(f"--set {override!r} is not KEY=VALUE. Example: --set train.epochs=5")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text  # a bare word is a string: --set train.device=cpu
    _put(values, dotted.strip(), value, f"--set {override!r}")


def _put(values: dict[str, Any], dotted: str, value: Any, what: str) -> None:
    *sections, key = dotted.split(".")
    for section in sections:
        inner = values.setdefault(section, {})
        if not isinstance(inner, dict):
            raise ConfigError(f"{what}: {section} is a value, not a section.")
        values = inner
    values[key] = value


def _faults(error: ValidationError) -> str:
    lines = []
    for fault in error.errors():
        place = ".".join(str(part) for part in fault["loc"])
        if fault["type"] == "extra_forbidden":
            known = sorted(_fields_at(fault["loc"][:-1]))
            lines.append(f"  {place}: no such key{nearest(str(fault['loc'][-1]), known)} Keys: {', '.join(known)}.")
        else:
            lines.append(f"  {place}: {fault['msg']} (given: {fault.get('input')!r}).")
    return "\n".join(lines)


def _fields_at(location: Sequence[int | str]) -> list[str]:
    kind: Any = RunConfig
    for part in location:
        kind = kind.model_fields[str(part)].annotation
    return list(kind.model_fields)

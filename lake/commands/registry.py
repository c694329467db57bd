"""`registry`: models by name, their versions, stages and aliases, and who changed what, when and why."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lake.commands.shown import Rows, plain, print_rows
from lake.registry import Override, Resolved, history, promote, register, remove_alias, resolve, set_alias
from lake.registry_candidate import origins_of
from lake.registry_gate import NOT_WORSE
from lake.registry_log import models_of
from lake.registry_names import PROTECTED
from lake.registry_state import Model
from lake.schema_registry import REGISTRY_STAGES

_COLUMNS = ("model", "version", "stage", "aliases", "run_id", "checkpoint_digest", "origin")
_EVENTS = (
    "sequence", "action", "version", "stage", "alias", "who", "happened_at", "reason", "is_forced", "gate_value",
    "run_id", "origin",
)  # fmt: skip
_MODEL = "NAME:VERSION, NAME@ALIAS or NAME/STAGE; NAME alone is the version in production"
Parsers = Any  # argparse keeps the type of what add_subparsers gives to itself


def add_verbs(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    registry = verbs.add_parser("registry", help="models by name: versions, stages, aliases, history")
    commands = registry.add_subparsers(required=True, metavar="list | register | promote | alias | history | resolve")
    _add(commands, "list", _list, "every version of every model")
    one = _add(commands, "register", _register, "make a complete run's checkpoint the next version of its model")
    one.add_argument("run_id", metavar="RUN")
    _add_override(one, "register a run that was imported")
    one = _add(commands, "promote", _promote, "put a version into a stage, if the gate lets it pass")
    one.add_argument("model", metavar="MODEL", help=_MODEL)
    one.add_argument("stage", metavar="STAGE", choices=REGISTRY_STAGES[1:], help=", ".join(REGISTRY_STAGES[1:]))
    one.add_argument(
        "--gate", metavar="SQL", default=NOT_WORSE,
        help="a SELECT that must give true or a number above 0, with $run_id and $production_run_id; without, that F1 "
        "on the test captures was measured and is no worse than production's",
    )  # fmt: skip
    _add_override(one, "go past the gate, or past a stage")
    one = _add(commands, "alias", _alias, "have an alias name a version, or take the alias away")
    one.add_argument("model", metavar="MODEL", help=_MODEL)
    one.add_argument("alias", metavar="ALIAS", help="champion, challenger, paper-v1, …")
    one.add_argument("--remove", action="store_true", help="take it away")
    _add_override(one, f"move or take away a protected one: {', '.join(PROTECTED)}")
    one = _add(commands, "history", _history, "who did what to a model, when and why")
    one.add_argument("model", metavar="NAME")
    one = _add(commands, "resolve", _resolve, "the run and the checkpoint that a name means")
    one.add_argument("model", metavar="MODEL", help=_MODEL)


def _add(commands: Parsers, name: str, verb: Any, help_text: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(name, help=help_text)
    parser.add_argument("--format", choices=("table", "json"), default="table")
    parser.set_defaults(verb=verb)
    return parser


def _add_override(parser: argparse.ArgumentParser, what: str) -> None:
    parser.add_argument("--force", action="store_true", help=f"{what}; needs --reason")
    parser.add_argument("--reason", metavar="TEXT", help="why, for the history")


def _list(options: argparse.Namespace) -> int:
    return _print(_rows(options.lake, _versions(models_of(options.lake))), options.format)


def _register(options: argparse.Namespace) -> int:
    override = Override(options.force, options.reason)
    return _print_one(options, register(options.lake, options.run_id, override))


def _promote(options: argparse.Namespace) -> int:
    override = Override(options.force, options.reason)
    return _print_one(options, promote(options.lake, options.model, options.stage, options.gate, override))


def _alias(options: argparse.Namespace) -> int:
    lake: Path = options.lake
    override = Override(options.force, options.reason)
    if not options.remove:
        return _print_one(options, set_alias(lake, options.model, options.alias, override))
    model = remove_alias(lake, options.model, options.alias, override)
    return _print(_rows(lake, _versions([model])), options.format)


def _history(options: argparse.Namespace) -> int:
    events = history(options.lake, options.model)
    origins = origins_of(options.lake, (event["run_id"] for event in events))
    events = [{**event, "origin": origins.get(event["run_id"])} for event in events]
    if options.format == "json":
        print(json.dumps(plain(events), default=str))
    else:
        print_rows(Rows(_EVENTS, [[_time(event[name]) for name in _EVENTS] for event in events]), "table")
    return 0


def _resolve(options: argparse.Namespace) -> int:
    return _print_one(options, resolve(options.lake, options.model))


def _print_one(options: argparse.Namespace, found: Resolved) -> int:
    (row,) = _rows(options.lake, [found])
    if options.format == "json":
        print(json.dumps(row))
    else:
        print("\n".join(f"{name:18} {_text(value)}".rstrip() for name, value in row.items()))
    return 0


def _print(rows: list[dict[str, Any]], form: str) -> int:
    if form == "json":
        print(json.dumps(rows))
    else:
        print_rows(Rows(_COLUMNS, [[_text(row[name]) for name in _COLUMNS] for row in rows]), "table")
    return 0


def _versions(models: Sequence[Model]) -> list[Resolved]:
    return [
        Resolved(model.name, version, tuple(model.aliases_of(version)))
        for model in models
        for version in model.versions.values()
    ]


def _rows(lake: Path, versions: Sequence[Resolved]) -> list[dict[str, Any]]:
    origins = origins_of(lake, (one.version.run_id for one in versions))
    return [_row(one, origins.get(one.version.run_id)) for one in versions]


def _row(found: Resolved, origin: str | None) -> dict[str, Any]:
    one = found.version
    values = (found.name, one.number, one.stage, list(found.aliases), one.run_id, one.checkpoint_digest, origin)
    return dict(zip(_COLUMNS, values, strict=True))


def _text(value: Any) -> Any:
    return " ".join(value) if isinstance(value, list) else "" if value is None else value


def _time(value: Any) -> Any:
    return f"{value:%Y-%m-%d %H:%M:%S}" if hasattr(value, "strftime") else value

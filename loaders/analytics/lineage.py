"""The whole chain of a run: what it came from, down to data and commit, and what came from it."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lake.commands.shown import Rows
from lake.errors import LakeError
from loaders.analytics.report import Report, Section
from loaders.ask import ask

if TYPE_CHECKING:
    import duckdb

QUERIES = ("run_facts", "run_lineage", "run_artifacts")
Edges = Mapping[str, Sequence[Mapping[str, Any]]]


def lineage(lake: "duckdb.DuckDBPyConnection", run_id: str) -> Report:
    """Both trees of a run, its digests and its files.

    Raises:
        LakeError: the run is not in the lake.
    """
    facts = ask(lake, "run_facts", {"run_ids": [run_id]})
    if not facts.values:
        raise LakeError(f"there is no run {run_id!r}. ./run lake sql 'SELECT run_id FROM runs' lists them.")
    run = facts.dicts[0]
    edges = ask(lake, "run_lineage", {"run_id": run_id})
    files = ask(lake, "run_artifacts", {"run_ids": [run_id]})
    up = _by(edges.dicts, "up", "run_id")
    down = _by(edges.dicts, "down", "parent_run_id")
    sections = [
        Section("run", drawing=_described(run)),
        Section("came from", drawing=draw(run_id, up) if up else "nothing: it is the beginning of the chain"),
        Section("led to", drawing=draw(run_id, down) if down else "nothing yet"),
        Section(f"left {len(files.values)} files", _file_table(files.dicts)),
    ]
    missing = sorted({row["leads_to"] for row in edges.dicts if row["status"] is None})
    notes = [f"The lake has no row of the run {one}, which the lineage names." for one in missing]
    return Report(QUERIES, {"run_id": run_id}, {"run": facts, "lineage": edges, "artifacts": files}, sections, notes)


def draw(root: str, edges: Edges) -> str:
    """A tree; a run that stands in it already is named, but its branch is not drawn again."""
    lines = [root]
    seen = {root}

    def branch(run_id: str, indent: str) -> None:
        listed = edges.get(run_id, ())
        for number, edge in enumerate(listed):
            is_last = number == len(listed) - 1
            to = edge["leads_to"]
            again = "  (above)" if to in seen and edges.get(to) else ""
            lines.append(f"{indent}{'└─ ' if is_last else '├─ '}{edge['relation']}: {to}{_about(edge)}{again}")
            if to not in seen:
                seen.add(to)
                branch(to, indent + ("   " if is_last else "│  "))

    branch(root, "")
    return "\n".join(lines)


def _by(edges: Sequence[Mapping[str, Any]], direction: str, key: str) -> dict[str, list[Mapping[str, Any]]]:
    found: dict[str, list[Mapping[str, Any]]] = {}
    seen = set()
    for edge in edges:
        place = (edge["run_id"], edge["relation"], edge["parent_run_id"])
        if edge["direction"] == direction and place not in seen:  # the same edge may be met at several depths
            seen.add(place)
            found.setdefault(edge[key], []).append(edge)
    return found


def _about(edge: Mapping[str, Any]) -> str:
    if edge["status"] is None:
        return "  (not in the lake)"
    status = "" if edge["status"] == "complete" else f", {edge['status']}"
    origin = ", imported" if edge["origin"] else ""
    return f"  ({edge['stage']}{status}{origin})"


def _described(run: Mapping[str, Any]) -> str:
    commit = f"{run['code_commit'] or 'unknown'}{' with uncommitted changes' if run['code_patch_digest'] else ''}"
    experiment = "/".join(filter(None, (run["experiment"], run["variant"])))
    absent = "unknown" if run["origin"] else "none"  # what an old store does not say may have been
    is_unset = run["origin"] and run["config_json"] == "{}"
    lines = {
        "run": run["run_id"],
        "stage": f"{run['stage']} of {experiment}, {run['status']}",
        "seed": run["seed"] if run["seed"] is not None else "unknown" if run["origin"] else "none drawn",
        "config": "unknown" if is_unset else run["config_digest"],
        "data": run["data_digest"] or absent,
        "commit": commit,
        "lock": run["lock_digest"] or "unknown",
        "container": run["container_digest"] or absent,
        "device": run["device"],
        "started": run["started_at"],
        "finished": run["finished_at"] or ("not yet" if run["status"] == "running" else "unknown"),
        "imported from": run["origin"],
        "known defects": run["defects"],
        "reason": run["reason"],
    }
    return "\n".join(f"  {name:14} {value}" for name, value in lines.items() if value is not None)


def _file_table(rows: Sequence[Mapping[str, Any]]) -> Rows:
    return Rows(
        ("name", "kind", "bytes", "sha256"),
        [[row["name"], row["kind"], row["size_bytes"], row["sha256"]] for row in rows],
    )

"""The export's sample graphs and layer similarities."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from lake.schema import TABLES
from lake.table import Row
from pipeline.legacy.dataset_runs import add_dataset_run
from pipeline.legacy.gather import Gathering
from pipeline.legacy.names import first_known, scored_runs
from pipeline.legacy.runs import When
from pipeline.legacy.sift import SOURCE


def add_sample_graphs(gathering: Gathering, name: str, records: Sequence[Mapping[str, Any]], when: When) -> None:
    """Graphs name no run: each goes to the run made for its dataset."""
    file = "graph_samples.json"
    gathering.counted(file, len(records), 0, "sample_graphs of the run made for the dataset")
    by_run: dict[str, list[Row]] = {}
    for number, record in enumerate(records):
        dataset, nodes, links = record.get("dataset"), record.get("nodes"), record.get("links")
        what = f"graph {number} of {dataset}"
        if not (dataset and isinstance(nodes, list) and isinstance(links, list)):
            gathering.refuse(file, what, "it names no dataset, or has no list of nodes and links")
            continue
        run = add_dataset_run(gathering, f"{file}: datasets", name, str(dataset), {"name": dataset}, when)
        graph = json.dumps({"nodes": nodes, "links": links}, sort_keys=True)
        by_run.setdefault(run.run_id, []).append(
            {
                "dataset": dataset, "window_index": record.get("sample_idx"), "label": record.get("label"),
                "nodes": len(nodes), "edges": len(links), "graph_json": graph, SOURCE: what,
            }
        )  # fmt: skip
    for run_id, rows in by_run.items():
        gathering.counted(file, 0, gathering.add_rows(file, TABLES["sample_graphs"], run_id, rows), "")


def add_similarity(gathering: Gathering, rows: Sequence[Mapping[str, Any]]) -> None:
    """CKA of a distilled student's GAT and its teacher's; layers are called `Student L1`, `Teacher L3`."""
    file = "cka_similarity.parquet"
    gathering.counted(file, len(rows), 0, "similarity")
    known = {old: run.run_id for old, run in gathering.runs.items()}
    for row in rows:
        old = str(row["run_id"])
        what = f"{old} {row['student_layer']} {row['teacher_layer']}"
        if old not in known:
            gathering.refuse(file, what, "its run is not in runs.parquet")
            continue
        layers = {key: _layer(row[key]) for key in ("student_layer", "teacher_layer")}
        placed = {
            "model": "gat", "layer": layers["student_layer"], "teacher_layer": layers["teacher_layer"],
            "student_run_id": first_known(scored_runs(old, "gat"), known),
            "teacher_run_id": first_known(scored_runs(_teacher_of(old), "gat"), known),
            "cka": row["similarity"], SOURCE: what,
        }  # fmt: skip
        gathering.counted(file, 0, gathering.add_rows(file, TABLES["similarity"], known[old], [placed]), "")


def _layer(text: object) -> int | None:
    found = re.fullmatch(r"(?:Student|Teacher) L(\d+)", str(text))
    return int(found[1]) if found else None


def _teacher_of(evaluation: str) -> str:
    """The evaluation of the teacher, by the name of the student's."""
    return evaluation.removesuffix("_kd").replace("small_", "large_").replace("student_", "teacher_")

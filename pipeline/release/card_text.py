"""The prose of a model card. Every number in it comes from a lake row, a config or a measured comparison."""

from collections.abc import Mapping, Sequence
from string import Template
from typing import Any

from lake.schema import Row
from pipeline.release.source import PARTS, Source

_SHOWN = ("f1", "mcc", "auroc", "auprc", "recall", "precision", "fpr")
_DEMO = """
> **A demonstration, not a result.** This run used a small excerpt and a short training to show that the chain works.
> Do not cite its numbers and do not deploy it.
"""
_BODY = Template("""# $run_id
$demo
An intrusion detector for a car's CAN bus, as one ONNX graph: a variational graph autoencoder that knows benign traffic
(VGAE), a graph attention classifier that knows attacks (GAT), and an agent that decides for each window which of the
two to believe. $origin

Input is a window of $frames frames as a graph: a node an arbitration ID, a directed edge a succession of two IDs.
Output is a score for each window; **above $threshold it is an alarm**.

## Results on the test split

Dataset: $title (`$dataset`), data digest `$data_digest`.
$seeds

The threshold is the $quantile quantile of the scores of $n_benign benign validation windows; no test window had a part
in it. Test captures are other recordings than the training captures and share no frame with them.

$table

*n* counts windows, *attacks* those with an attack frame; a dash says that the metric does not apply.

$unknown
$spread## What to feed it

`features.json` names the inputs, the features in order and their units; `vocabulary.json` maps an arbitration ID to its
index. Both belong to this graph alone.

```python
import json, numpy as np, onnxruntime as ort

detector = ort.InferenceSession("model.onnx")
alarm_above = json.load(open("features.json"))["alarm"]["above"]
window = {  # two IDs, the first one followed by the second and by itself
    "node_id": np.array([1, 2]),
    "x": np.zeros((2, $node_width), np.float32),
    "edge_index": np.array([[0, 0], [1, 0]]),
    "edge_attr": np.zeros((2, $edge_width), np.float32),
    "ptr": np.array([0, 2]),
}
score, anomaly, attack_probability, gat_weight = detector.run(None, window)
print(score > alarm_above)
```

## Equal to the network that was measured

ONNX Runtime and torch were compared on all $parity_windows test windows and on $awkward awkward graphs before any file
was written (`parity.json`): the scores differ by $parity_score at most, and every alarm is the same. The metrics above
were computed again from this file's scores and differ from the lake's by $parity_metrics at most.

## Limits

- $vehicles On another vehicle IDs outside `vocabulary.json` all look alike to the
  detector; the table above is the only evidence of what happens then.
- Attacks seen in training: $trained_attacks. An attack of another kind is caught only as far as the VGAE finds it
  unlike benign traffic.
- A label belongs to a window of $frames frames. Nothing is said of which frame was injected, nor of how soon after an
  attack begins the alarm comes.
- It is a research artefact. It has not been tested in a moving vehicle and is no safety function.

## Data, licence, citation

Trained and tested on $title, $licence ([$address]($address)). Please cite:

> $citation

Code and weights are under the MIT licence.

## Where it comes from

| | |
| --- | --- |
$provenance

`release.json` has the digests, `metrics.json` the rows and the query that gave them, `checksums.sha256` every file:
`sha256sum -c checksums.sha256`.
""")


def card_body(source: Source, parity: Mapping[str, Any]) -> str:
    """The card without its front matter."""
    runs, dataset, config = source.runs, source.dataset, source.config
    threshold = next(row for row in source.metrics if row["metric"] == "threshold")
    return _BODY.substitute(
        run_id=source.run_id,
        demo=_DEMO if runs["fusion"]["is_demo"] else "",
        origin=_origin(source),
        frames=config["window"]["size"],
        threshold=repr(source.threshold),
        title=dataset["title"],
        dataset=dataset["dataset"],
        data_digest=dataset["data_digest"],
        seeds=_seeds(source),
        quantile=config["alarm"]["benign_quantile"],
        n_benign=threshold["n"],
        table=_table(source.metrics),
        unknown=_unknown_vehicles(source.metrics),
        spread=_spread(source),
        node_width=source.checkpoints["fusion"].inputs.node_width,
        edge_width=source.checkpoints["fusion"].inputs.edge_width,
        parity_windows=parity["test_windows"]["windows"],
        awkward=len(parity["awkward_graphs"]),
        parity_score=f"{parity['test_windows']['score']:.1e}",
        parity_metrics=f"{parity['metrics']['largest_difference']:.1e}",
        vehicles=_vehicles(source),
        trained_attacks=", ".join(_trained_on(source, "attack")) or "none",
        licence=dataset["licence"],
        address=dataset["address"],
        citation=dataset["citation"],
        provenance="\n".join(f"| {name} | `{value}` |" for name, value in _provenance(source).items()),
    )


def _origin(source: Source) -> str:
    size = ", ".join(f"{stage.split('_')[0].upper()} {source.runs[stage]['parameters']:,}" for stage in PARTS[:2])
    agent = f"agent {source.runs['fusion']['parameters']:,} parameters"
    taught = "vgae_teacher" in source.runs or "gat_teacher" in source.runs
    how = "The networks are students, distilled from larger teachers" if taught else "The networks were trained alone"
    return f"{how} ({size}, {agent})."


def _seeds(source: Source) -> str:
    own, count = source.runs["fusion"]["seed"], len(source.peers)
    if count == 1:
        return f"One seed ({own}): nothing can be said of the spread between trainings."
    listed = ", ".join(map(str, source.peers))
    return f"Seed {own} of {count} ({listed}); this file and the table are that one seed's."


def _spread(source: Source) -> str:
    if len(source.peers) == 1:
        return "\n"
    lines = []
    for metric in ("f1", "auroc", "fpr"):
        values = [row[metric] for row in source.peers.values() if row.get(metric) is not None]
        if values:
            lines.append(f"| {metric} | {min(values):.4f} | {max(values):.4f} | {len(values)} |")  # type: ignore[type-var]
    head = [
        "Over all test captures, the lowest and the highest of all seeds:\n",
        "| metric | lowest | highest | seeds |",
    ]
    return "\n".join(["", *head, "| --- | ---: | ---: | ---: |", *lines, "", ""])


def _table(rows: Sequence[Row]) -> str:
    """A line a test capture, captures of known and of unknown vehicles beside each other, all of them last."""
    by_capture: dict[str, dict[str, Row]] = {}
    for row in rows:
        if row["split"] == "test":
            by_capture.setdefault(str(row["capture"]), {})[str(row["metric"])] = row
    order = sorted(by_capture, key=lambda name: (_is_several(by_capture[name]), not _known(by_capture[name]), name))
    lines = [
        "| capture | vehicle | in training | attack | n | attacks | " + " | ".join(_SHOWN) + " |",
        "| --- " * 4 + "| ---: " * (2 + len(_SHOWN)) + "|",
    ]
    for name in order:
        one = next(iter(by_capture[name].values()))
        known = {True: "yes", False: "**no**", None: "mixed"}[one["is_known_vehicle"]]
        numbers = [_number(by_capture[name].get(metric)) for metric in _SHOWN]
        about = [name, one["vehicle"], known, one["attack"], one["n"], one["n_attack"]]
        lines.append("| " + " | ".join(map(str, [*about, *numbers])) + " |")
    return "\n".join(lines)


def _is_several(metrics: Mapping[str, Row]) -> int:
    """0 for one capture, 1 for those of known or of unknown vehicles, 2 for all."""
    row = next(iter(metrics.values()))
    return 0 if row["vehicle"] != "all" else 1 if row["capture"] != "all" else 2


def _known(metrics: Mapping[str, Row]) -> bool:
    return bool(next(iter(metrics.values()))["is_known_vehicle"])


def _number(row: Row | None) -> str:
    return "–" if row is None or row["value"] is None else f"{row['value']:.4f}"


def _unknown_vehicles(rows: Sequence[Row]) -> str:
    unknown = sorted({str(row["vehicle"]) for row in rows if row["is_known_vehicle"] is False} - {"all"})
    if not unknown:
        return "No capture of a vehicle outside training was tested: nothing is known of other vehicles."
    return (
        f"Vehicles that training never saw: {', '.join(unknown)}. The last line mixes them with known ones; "
        "read the lines apart."
    )


def _vehicles(source: Source) -> str:
    return f"Trained on recordings of: {', '.join(_trained_on(source, 'vehicle'))}."


def _trained_on(source: Source, what: str) -> list[str]:
    """Vehicles, or attacks, of the captures with a window in the training split."""
    graphs = source.graphs
    used = {int(index) for index in graphs.capture[graphs.at("train")]}
    values = {str(getattr(graphs.captures[index], what)) for index in used}
    return sorted(values - {"benign"})


def _provenance(source: Source) -> dict[str, Any]:
    fusion = source.runs["fusion"]
    dirty = " with uncommitted changes" if fusion["code_patch_digest"] else ""
    return {
        "lake snapshot": source.snapshot_id,
        **{f"run of {stage}": row["run_id"] for stage, row in source.runs.items()},
        "config digest": fusion["config_digest"],
        "commit": f"{fusion['code_commit'] or 'not known'}{dirty}",
        "trained on": fusion["device"],
    }

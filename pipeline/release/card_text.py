"""The prose of a model card. Every number in it comes from a lake row, a config or a measured comparison."""

from collections.abc import Mapping, Sequence
from string import Template
from typing import Any

from lake.table import Row
from models.habit_expert import HABIT_FEATURES
from pipeline.assemble import EXPERTS
from pipeline.release.card_tables import pools, spread, table, thresholds
from pipeline.release.source import Source

_METHODS = {
    "dqn": "an agent that decides for each window how much of each to believe",
    "mlp": "a perceptron that scores what they say",
    "logistic": "a logistic regression over what they say",
    "fixed": "fixed weights that mix them",
}
_DEMO = """
> **A demonstration, not a result.** This run used a small excerpt and a short training to show that the chain works.
> Do not cite its numbers and do not deploy it.
"""
_BODY = Template("""# $run_id
$demo
An intrusion detector for a car's CAN bus, as one ONNX graph: a variational graph autoencoder that knows benign traffic
(VGAE), a graph attention classifier that knows attacks (GAT), rules that count departures from the vehicle's habit, and
$method. $origin

Input is a window of $frames frames as a graph: a node an arbitration ID, a directed edge a succession of two IDs.
Output is a score for each window; it is an alarm above the threshold of the protocol it was scored under:

$thresholds

**A habit** is what is normal on one vehicle's bus: each ID's period, payload lengths, rolling counter, byte values and
which ID follows which. $habit_features of the $node_width node features are measured against it, so scores, labels and
thresholds mean nothing without one. Where it comes from is the protocol: of a *known vehicle* it is in `habits.npz`,
learnt from attack-free training captures; *calibrated* learns it from the capture's own first seconds, given as
attack-free; *zero-shot* learns it from the first $warm_up seconds, which may hold an attack.

## Results on the test split

Dataset: $title (`$dataset`), data digest `$data_digest`.
$seeds

Each threshold is the lowest that lets benign validation windows raise no more than $per_hour alarm events an hour, but
$highest at most; no test window had a part in it. Test captures are other recordings than the training captures and
share no frame with them.

$pools

$table

*n* counts windows, *attacks* those with an attack frame; a dash says that the metric does not apply. Captures of known
vehicles are shown under *known vehicle*, the others *zero-shot*; `metrics.json` has every protocol and metric.

$unknown
$spread## What to feed it

`features.json` names the inputs, the features in order and their units; `vocabulary.json` maps an arbitration ID to its
index. Both belong to this graph alone.

```python
import json, numpy as np, onnxruntime as ort

detector = ort.InferenceSession("model.onnx")
alarm_above = json.load(open("features.json"))["alarm"]["above"]["zero-shot"]
window = {  # two IDs, the first one followed by the second and by itself
    "node_id": np.array([1, 2]),
    "x": np.zeros((2, $node_width), np.float32),
    "edge_index": np.array([[0, 0], [1, 0]]),
    "edge_attr": np.zeros((2, $edge_width), np.float32),
    "ptr": np.array([0, 2]),
}
score, *experts_and_weights = detector.run(None, window)
print(score > alarm_above)
```

From raw frames, with the code of the commit below; any recording that `./run data inspect` recognises:

```python
from pathlib import Path
from pipeline.release.raw_frames import load_release

for row in load_release(Path(".")).score(Path("capture.csv")).iter_rows(named=True):
    print(row["start_s"], row["score"], row["alarm"])
```

## Equal to the network that was measured

ONNX Runtime and torch were compared on all test windows under every protocol ($parity_windows scores) and on $awkward
awkward graphs before any file was written (`parity.json`): the scores differ by $parity_score at most, and every alarm
is the same. The metrics above were computed again from this file's scores and differ from the lake's by
$parity_metrics at most.

## Limits

- $vehicles On another vehicle all IDs look alike to the networks, and its habit is
  learnt from its own first seconds; the tables above are the only evidence of what happens then.
- Attacks seen in training: $trained_attacks. An attack of another kind is caught only as far as it departs
  from the habit, or the VGAE finds it unlike benign traffic.
- A replay that keeps an ID's period and counter, an ID that falls silent, and one that never was periodic leave few
  departures.
- A label belongs to a window of $frames frames: nothing is said of which of them was injected. Delays are those of a
  detector that scores a window when its last frame has arrived.
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
    parity_windows = sum(one["windows"] for one in parity["test_windows"])
    return _BODY.substitute(
        run_id=source.run_id,
        demo=_DEMO if runs["fusion"]["is_demo"] else "",
        origin=_origin(source),
        frames=config["window"]["size"],
        method=_METHODS.get(config["fusion"]["shape"]["method"], "the choice of one of the three"),
        thresholds=thresholds(source),
        habit_features=len(HABIT_FEATURES),
        warm_up=f"{source.graphs.habit.warm_up_s:g}",
        title=dataset["title"],
        dataset=dataset["dataset"],
        data_digest=dataset["data_digest"],
        seeds=_seeds(source),
        per_hour=f"{config['alarm']['false_alarms_per_hour']:g}",
        highest=f"{config['alarm']['highest_threshold']:g}",
        pools=pools(source.metrics),
        table=table(source.metrics),
        unknown=_unknown_vehicles(source.metrics),
        spread=spread(source),
        node_width=source.checkpoints["fusion"].inputs.node_width,
        edge_width=source.checkpoints["fusion"].inputs.edge_width,
        parity_windows=f"{parity_windows:,}",
        awkward=len(parity["awkward_graphs"]),
        parity_score=f"{max(one['score'] for one in parity['test_windows']):.1e}",
        parity_metrics=f"{parity['metrics']['largest_difference']:.1e}",
        vehicles=_vehicles(source),
        trained_attacks=", ".join(_trained_on(source, "attack")) or "none",
        licence=dataset["licence"],
        address=dataset["address"],
        citation=dataset["citation"],
        provenance="\n".join(f"| {name} | `{value}` |" for name, value in _provenance(source).items()),
    )


def _origin(source: Source) -> str:
    size = ", ".join(f"{stage.split('_')[0].upper()} {source.runs[stage]['parameters']:,}" for stage in EXPERTS)
    agent = f"fusion {source.runs['fusion']['parameters']:,} parameters"
    taught = "vgae_teacher" in source.runs or "gat_teacher" in source.runs
    how = "The networks are students, distilled from larger teachers" if taught else "The networks were trained alone"
    return f"{how} ({size}, {agent})."


def _seeds(source: Source) -> str:
    own, count = source.runs["fusion"]["seed"], len(source.peers)
    if count == 1:
        return f"One seed ({own}): nothing can be said of the spread between trainings."
    listed = ", ".join(map(str, source.peers))
    return f"Seed {own} of {count} ({listed}); this file and the table are that one seed's."


def _unknown_vehicles(rows: Sequence[Row]) -> str:
    unknown = sorted({str(row["vehicle"]) for row in rows if row["is_known_vehicle"] is False} - {"all"})
    if not unknown:
        return "No capture of a vehicle outside training was tested: nothing is known of other vehicles."
    return (
        f"Vehicles that training never saw: {', '.join(unknown)}. Lines of all captures mix them with known ones; "
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

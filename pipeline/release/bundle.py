"""Assembles a release: everything is made and compared in memory, then the folder appears whole."""

import hashlib
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import torch

from lake.files import write_whole
from models.detector import Detector
from models.graph_batch import GraphBatch
from pipeline.batches import GraphTensors
from pipeline.evaluate import measure
from pipeline.protocols import ZERO_SHOT, Protocol
from pipeline.release.awkward import awkward_batches
from pipeline.release.documents import as_json, documents, metadata
from pipeline.release.errors import ReleaseError
from pipeline.release.model_card import write_card
from pipeline.release.onnx import export_detector
from pipeline.release.parity import TOLERANCE, Comparison, check_parity, compare, compare_metrics
from pipeline.release.runtimes import OnnxDetector, TorchDetector, as_scorer
from pipeline.release.source import Source, find_source
from pipeline.scoring import score_graphs
from pipeline.settings import Settings
from pipeline.tested import Scored, read_tested, score_test_capture
from pipeline.trained_models import Model
from pipeline.training_graphs import chosen

Export = Callable[[Detector, GraphBatch, Mapping[str, str]], bytes]


@dataclass(frozen=True)
class ReleaseBundle:
    """The folder of a release and what its comparison with torch found."""

    folder: Path
    parity: Mapping[str, Any]


def release(
    run_id: str, out: Path, settings: Settings, say: Callable[[str], None], export: Export = export_detector
) -> ReleaseBundle:
    """Export the detector of a fusion run and write it, with its card, into the new folder `out`.

    Raises:
        ReleaseError: `out` exists, the run cannot be released, or ONNX Runtime does not equal torch.
            Nothing is written then.
    """
    _check_absent(out)
    source = find_source(run_id, settings)
    say(f"{run_id}: {len(source.captures)} test captures, snapshot {source.snapshot_id[:12]}")
    example = GraphTensors(source.graphs.graphs).batch(torch.tensor([0, 1]))
    model = export(source.detector(), example, metadata(source))
    say(f"exported, {len(model):,} bytes; comparing ONNX Runtime with torch")
    parity = compare_runtimes(source, model)
    files = {"model.onnx": model, "habits.npz": source.habits, "README.md": write_card(source, parity).encode()}
    files |= {f"{name}.json": as_json(value) for name, value in documents(source, parity).items()}
    write_folder(out, files)
    return ReleaseBundle(out, parity)


def compare_runtimes(source: Source, model: bytes) -> dict[str, Any]:
    """Both runtimes on every test window under every protocol and on the awkward graphs: the content of parity.json.

    Raises:
        ReleaseError: they differ, or the graph's scores do not give the metrics that the lake holds.
        StageError: a test capture is not the one that was evaluated.
    """
    network, exported = TorchDetector(source.detector()), OnnxDetector(model)
    graphs = source.graphs
    validation = chosen(graphs.graphs, graphs.at("validation"))
    ours, theirs = (
        Model(name, scorer, source.thresholds, score_graphs(scorer, validation)["score"])
        for name, scorer in (("torch", as_scorer(network)), ("onnx", as_scorer(exported)))
    )
    scored: list[Scored] = []
    for file in source.captures:
        log = read_tested(file, graphs).without_labels()
        scored += score_test_capture(log, file, graphs, [ours, theirs], source.alarm)
    real = [_compare_windows(protocol, scored, source) for protocol in dict.fromkeys(one.protocol for one in scored)]
    awkward = [
        compare(name, network(batch), exported(batch), source.thresholds[ZERO_SHOT])
        for name, batch in awkward_batches(source.checkpoints["fusion"].inputs).items()
    ]
    check_parity([*real, *awkward])
    labels = {file.name: read_tested(file, graphs) for file in source.captures}
    return {
        "tolerance": TOLERANCE,
        "thresholds": source.thresholds,
        "versions": {name: version(name) for name in ("torch", "onnx", "onnxruntime")},
        "test_windows": [asdict(one) for one in real],
        "awkward_graphs": [asdict(one) for one in awkward],
        "metrics": compare_metrics(source.metrics, measure(theirs, graphs, scored, labels)),
    }


def _compare_windows(protocol: Protocol, scored: Sequence[Scored], source: Source) -> Comparison:
    """All test windows scored under the protocol."""
    inside = [one.columns for one in scored if one.protocol == protocol]
    network, exported = (
        {name: np.concatenate([columns[runtime][name] for columns in inside]) for name in inside[0][runtime]}
        for runtime in ("torch", "onnx")
    )
    seconds = f", {protocol.calibration_s:g} s" if protocol.calibration_s else ""
    return compare(f"{protocol.name}{seconds}", network, exported, source.thresholds[protocol.name])


def write_folder(out: Path, files: Mapping[str, bytes]) -> None:
    """The files and their checksums, as a folder that takes its name once it is complete."""
    sums = "".join(f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in sorted(files.items()))
    staged = out.with_name(f".{out.name}.{uuid4().hex}.tmp")
    try:
        for name, data in {**files, "checksums.sha256": sums.encode()}.items():
            write_whole(staged / name, data)
        _check_absent(out)
        os.rename(staged, out)
    finally:
        shutil.rmtree(staged, ignore_errors=True)


def _check_absent(out: Path) -> None:
    if os.path.lexists(out):
        raise ReleaseError(f"{out} exists already; a release is never written over. Give --out another folder.")

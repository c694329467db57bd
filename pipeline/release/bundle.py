"""Assembles a release: everything is made and compared in memory, then the folder appears whole."""

import hashlib
import os
import shutil
from collections.abc import Callable, Mapping
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
from pipeline.batches import Batches, GraphTensors
from pipeline.evaluate import measure
from pipeline.release.awkward import awkward_batches
from pipeline.release.documents import as_json, documents, metadata
from pipeline.release.errors import ReleaseError
from pipeline.release.model_card import write_card
from pipeline.release.onnx import export_detector
from pipeline.release.parity import TOLERANCE, check_parity, compare, compare_metrics
from pipeline.release.runtimes import OnnxDetector, TorchDetector, score_all
from pipeline.release.source import Source, find_source
from pipeline.settings import Settings

_BATCH = 256
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
    say(f"{run_id}: {len(source.graphs.at('test')):,} test windows, snapshot {source.snapshot_id[:12]}")
    tensors = GraphTensors(source.graphs.graphs)
    model = export(source.detector(), tensors.batch(torch.tensor([0, 1])), metadata(source))
    say(f"exported, {len(model):,} bytes; comparing ONNX Runtime with torch")
    parity = compare_runtimes(source, tensors, model)
    files = {"model.onnx": model, "README.md": write_card(source, parity).encode()}
    files |= {f"{name}.json": as_json(value) for name, value in documents(source, parity).items()}
    write_folder(out, files)
    return ReleaseBundle(out, parity)


def compare_runtimes(source: Source, tensors: GraphTensors, model: bytes) -> dict[str, Any]:
    """Both runtimes on every test window and on the awkward graphs: the content of parity.json.

    Raises:
        ReleaseError: they differ, or the graph's scores do not give the metrics that the lake holds.
    """
    network, exported = TorchDetector(source.detector()), OnnxDetector(model)
    chosen = source.graphs.at("test")
    batches = Batches(tensors.batch, chosen, _BATCH)
    scores = score_all(exported, batches)
    real = compare("test windows", score_all(network, batches), scores, source.threshold)
    awkward = [
        compare(name, network(batch), exported(batch), source.threshold)
        for name, batch in awkward_batches(source.checkpoints["fusion"].inputs).items()
    ]
    check_parity([real, *awkward])
    evaluated = np.concatenate([source.graphs.at("validation"), chosen])
    validated = score_all(exported, Batches(tensors.batch, source.graphs.at("validation"), _BATCH))
    again = np.concatenate([validated["score"], scores["score"]])
    quantile = source.config["alarm"]["benign_quantile"]
    return {
        "tolerance": TOLERANCE,
        "threshold": source.threshold,
        "versions": {name: version(name) for name in ("torch", "onnx", "onnxruntime")},
        "test_windows": asdict(real),
        "awkward_graphs": [asdict(one) for one in awkward],
        "metrics": compare_metrics(source.metrics, measure(source.graphs, evaluated, source.run_id, again, quantile)),
    }


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

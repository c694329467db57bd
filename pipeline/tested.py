"""Test captures: read as they were prepared, and scored by every model under each protocol that applies."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipeline.baselines.offer import Offer
from pipeline.baselines.traffic import Traffic
from pipeline.can_log import CanLog
from pipeline.config import AlarmConfig
from pipeline.data_captures import read_capture
from pipeline.datasets import CaptureFile
from pipeline.detector_folder import knowledge_of
from pipeline.errors import StageError
from pipeline.graph_set import GraphSet
from pipeline.measure import WindowTimes
from pipeline.protocols import CALIBRATED, KNOWN, ZERO_SHOT, Protocol, frames_within
from pipeline.scoring import Columns, graph_stream, stream_graphs
from pipeline.trained_models import Model


@dataclass(frozen=True, eq=False)
class Scored:
    """A test capture's windows under a protocol, and the columns for them of each model that is defined under it."""

    file: CaptureFile
    protocol: Protocol
    times: WindowTimes
    columns: Mapping[str, Columns]


def captures_tested(graphs: GraphSet, files: Sequence[CaptureFile]) -> list[CaptureFile]:
    """The test captures among `files` that were prepared, in their order."""
    used = {info.name for info in graphs.captures if info.usage == "test"}
    return [file for file in files if file.name in used]


def read_tested(file: CaptureFile, graphs: GraphSet) -> CanLog:
    """A test capture. Raises StageError where it is not the one that was prepared."""
    log = read_capture(file)
    (info,) = (info for info in graphs.captures if info.name == file.name)
    if log.row_digest() != info.row_digest:
        raise StageError(
            f"{file.path} changed since it was prepared (rows {log.row_digest()[:12]}…, not {info.row_digest[:12]}…). "
            "Restore the file, or prepare again with --set repeat=1."
        )
    return log


def protocols_of(vehicle: str, graphs: GraphSet, alarm: AlarmConfig) -> list[Protocol]:
    """Every protocol that a capture of the vehicle is scored under."""
    known = [Protocol(KNOWN)] if vehicle in graphs.known_vehicles() else []
    return [*known, *(Protocol(CALIBRATED, seconds) for seconds in alarm.calibrations_s), Protocol(ZERO_SHOT)]


def score_test_capture(
    log: CanLog, file: CaptureFile, graphs: GraphSet, models: Sequence[Model], alarm: AlarmConfig
) -> list[Scored]:
    """Every model's columns for the capture's windows, under each protocol that leaves some to score."""
    found = []
    traffic = Traffic.of(log, graphs.window)
    for protocol in protocols_of(file.vehicle, graphs, alarm):
        prefix = frames_within(log, protocol.calibration_s)
        if prefix == len(log):
            continue  # nothing is left to score behind the prefix
        stream = graph_stream(knowledge_of(graphs), protocol, log, file.vehicle)
        (built,) = stream_graphs(stream, [log])
        times = WindowTimes.of(built.start_frame, built.start_s, built.end_s, built.is_late, graphs.window.size)
        behind = times.since(prefix)
        offer = Offer(traffic, built, protocol, file.vehicle)
        columns = {
            model.run_id: {name: column[behind] for name, column in model.columns(offer).items()}
            for model in models
            if protocol.name in model.thresholds
        }
        found.append(Scored(file, protocol, times.at(behind), columns))
    return found

"""Metric rows of scored captures: by capture and protocol, and pooled over known and unknown vehicles."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lake.table import Row
from pipeline.alarms import AlarmTally, alarm_metrics, tally_alarms
from pipeline.can_log import CanLog
from pipeline.episodes import AlarmedWindows, find_episodes
from pipeline.metrics import window_metrics
from pipeline.protocols import CALIBRATED, KNOWN, Protocol, frames_within

UNKNOWN_ATTACK = "unknown attack"
POOLS = ("all", "known vehicles", "unknown vehicles")


@dataclass(frozen=True)
class About:
    """A test capture: whose, what attack, and whether training had either."""

    capture: str
    vehicle: str
    attack: str
    is_known_vehicle: bool
    is_known_attack: bool


@dataclass(frozen=True, eq=False)
class WindowTimes:
    """[W] where each scored window lies; `decided_*` is the frame at which its score is known."""

    start_frame: NDArray[np.int64]
    end_frame: NDArray[np.int64]
    decided_frame: NDArray[np.int64]
    start_s: NDArray[np.float64]
    end_s: NDArray[np.float64]
    decided_s: NDArray[np.float64]

    @classmethod
    def of(
        cls, start_frame: NDArray[np.int64], start_s: NDArray[np.float64], end_s: NDArray[np.float64],
        is_late: NDArray[np.bool_], size: int,
    ) -> "WindowTimes":  # fmt: skip
        """Windows of `size` frames; a late one is decided with the last frame of the stretch behind it."""
        end_frame = start_frame + size - 1
        behind = np.minimum(np.searchsorted(start_frame, end_frame, side="right"), len(start_frame) - 1)
        at = np.where(is_late, behind, np.arange(len(start_frame)))
        return cls(start_frame, end_frame, end_frame[at], start_s, end_s, end_s[at])

    def since(self, frame: int) -> NDArray[np.bool_]:
        """[W] whether the window begins at that frame of the capture or later."""
        return np.asarray(self.start_frame >= frame)

    def at(self, inside: NDArray[np.bool_]) -> "WindowTimes":
        return WindowTimes(*(column[inside] for column in vars(self).values()))


@dataclass(frozen=True, eq=False)
class Measured:
    """One model's scores of a capture under a protocol, beside the labels."""

    about: About
    protocol: Protocol
    is_attack: NDArray[np.bool_]
    score: NDArray[np.float64]
    threshold: float
    tally: AlarmTally

    @property
    def key(self) -> tuple[str, float | None]:
        """Protocol and seconds of calibration, as rows have them."""
        return self.protocol.name, self.protocol.calibration_s if self.protocol.name == CALIBRATED else None


def measured(
    about: About, protocol: Protocol, log: CanLog, times: WindowTimes, score: NDArray[np.float64], threshold: float
) -> Measured:
    """Put labels beside scores: a window is an attack window if any of its frames is an attack frame."""
    attacks = np.flatnonzero(log.is_attack)
    before = np.searchsorted(attacks, times.start_frame)
    is_attack = np.searchsorted(attacks, times.end_frame, side="right") > before
    clock = log.timestamp_s - log.timestamp_s[0]
    seen = attacks[attacks >= times.start_frame[0]] if len(times.start_frame) else attacks[:0]
    windows = AlarmedWindows(
        alarm=score > threshold, is_attack=is_attack, start_s=times.start_s, end_s=times.end_s,
        start_frame=times.start_frame, end_frame=times.end_frame, decided_s=times.decided_s,
        decided_frame=times.decided_frame,
    )  # fmt: skip
    tally = tally_alarms(windows, find_episodes(clock[seen], seen))
    return Measured(about, protocol, is_attack, score, threshold, tally)


def is_applicable(protocol: Protocol, log: CanLog) -> bool:
    """Whether a capture can be measured under the protocol: a calibration prefix must be free of attacks."""
    if protocol.name != CALIBRATED or not log.is_attack.any():
        return True
    return int(np.argmax(log.is_attack)) >= frames_within(log, protocol.calibration_s)


def metric_rows(model_run_id: str, scored: Sequence[Measured]) -> list[Row]:
    """Rows of one model: each capture, then all of a protocol together, of known and of unknown vehicles."""
    rows = [row for one in scored for row in _rows(model_run_id, [one], _named(one))]
    unknown_attacks = [one for one in scored if one.protocol.name == KNOWN and not one.about.is_known_attack]
    for one in unknown_attacks:
        rows += _rows(model_run_id, [one], {**_named(one), "protocol": UNKNOWN_ATTACK})
    groups: dict[tuple[str, float | None], list[Measured]] = {}
    for one in scored:
        groups.setdefault(one.key, []).append(one)
    if unknown_attacks:
        groups[UNKNOWN_ATTACK, None] = unknown_attacks
    for (protocol, calibration_s), group in groups.items():
        for pool in POOLS:
            inside = [one for one in group if pool == "all" or one.about.is_known_vehicle == (pool == POOLS[1])]
            if inside:
                about = {
                    "capture": pool, "vehicle": "all", "attack": "all", "protocol": protocol,
                    "calibration_s": calibration_s,
                    "is_known_vehicle": None if pool == "all" else pool == POOLS[1],
                }  # fmt: skip
                rows += _rows(model_run_id, inside, about)
    return rows


def validation_rows(
    model_run_id: str, is_attack: NDArray[np.bool_], score: NDArray[np.float64], protocol: NDArray[np.str_],
    thresholds: Mapping[str, float],
) -> list[Row]:  # fmt: skip
    """Rows of the validation split under each protocol that it has windows of, with the thresholds set there."""
    rows: list[Row] = []
    for name, threshold in thresholds.items():
        about = {
            "split": "validation", "capture": "all", "vehicle": "all", "attack": "all", "is_known_vehicle": None,
            "protocol": name, "model_run_id": model_run_id,
        }  # fmt: skip
        inside = protocol == name
        benign = int((inside & ~is_attack).sum())
        rows.append({**about, "metric": "threshold", "value": threshold, "n": benign, "n_attack": 0})
        if inside.any():
            counts = {"n": int(inside.sum()), "n_attack": int(is_attack[inside].sum())}
            values = window_metrics(is_attack[inside], score[inside], threshold)
            rows += [{**about, **counts, "metric": metric, "value": value} for metric, value in values.items()]
    return rows


def _rows(model_run_id: str, scored: Sequence[Measured], about: Mapping[str, Any]) -> list[Row]:
    is_attack = np.concatenate([one.is_attack for one in scored])
    score = np.concatenate([one.score for one in scored])
    values = {
        **window_metrics(is_attack, score, scored[0].threshold),
        **alarm_metrics([one.tally for one in scored]),
    }
    counts = {"n": len(is_attack), "n_attack": int(is_attack.sum())}
    common = {**about, **counts, "split": "test", "model_run_id": model_run_id}
    return [{**common, "metric": metric, "value": value} for metric, value in values.items()]


def _named(one: Measured) -> dict[str, Any]:
    protocol, calibration_s = one.key
    return {
        "capture": one.about.capture, "vehicle": one.about.vehicle, "attack": one.about.attack,
        "is_known_vehicle": one.about.is_known_vehicle, "protocol": protocol, "calibration_s": calibration_s,
    }  # fmt: skip

"""A capture in memory: frames in the order in which they were recorded."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_MIX = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))  # splitmix64, Steele et al. 2014

_PRIME = np.uint64(1099511628211)  # FNV-1a
_SUCCESSION = 8


@dataclass(frozen=True)
class Defects:
    """What was unusual in a capture; counted, so that nobody has to guess. All is kept but error frames."""

    empty_payloads: int = 0
    backward_steps: int = 0
    repaired_rows: int = 0
    error_frames: int = 0
    clock_jumps: int = 0


@dataclass(frozen=True, eq=False)
class CanLog:
    """`N` frames as columns, in recording order, which is bus order; timestamps may step back a little.

    Attributes:
        timestamp_s: [N] float64, seconds; the zero is the capture's own.
        arbitration_id: [N] uint32, 11- or 29-bit.
        dlc: [N] uint8, payload bytes.
        payload: [N, 8] uint8, or [N, 64] where a CAN FD frame needs it; zero behind the first `dlc` bytes.
        is_attack: [N] bool.
        is_labelled: whether the file says which frames are attacks; without, all of `is_attack` is False.
    """

    path: Path
    timestamp_s: NDArray[np.float64]
    arbitration_id: NDArray[np.uint32]
    dlc: NDArray[np.uint8]
    payload: NDArray[np.uint8]
    is_attack: NDArray[np.bool_]
    is_labelled: bool = True
    defects: Defects = field(default_factory=Defects)

    def __len__(self) -> int:
        return len(self.timestamp_s)

    @property
    def span_s(self) -> float:
        """Last minus first timestamp, seconds."""
        return float(self.timestamp_s[-1] - self.timestamp_s[0])

    def frames(self, which: slice | NDArray[np.intp]) -> "CanLog":
        """Those frames, views where `which` is a slice; `defects` stay those of the whole."""
        return replace(
            self,
            timestamp_s=self.timestamp_s[which],
            arbitration_id=self.arbitration_id[which],
            dlc=self.dlc[which],
            payload=self.payload[which],
            is_attack=self.is_attack[which],
        )

    def without_labels(self) -> "CanLog":
        """The capture as if nobody knew of its attacks."""
        return replace(self, is_attack=np.zeros(len(self), dtype=bool), is_labelled=False)

    @property
    def payload_word(self) -> NDArray[np.uint64]:
        """[N] the first eight payload bytes as one little-endian word."""
        return np.ascontiguousarray(self.payload[:, :8]).view("<u8").reshape(-1)

    def row_digest(self) -> str:
        """SHA-256 over all frames with their labels, the same whatever file they came in."""
        digest = hashlib.sha256(b"kd-gat frames 1")
        for column in (self.timestamp_s, self.arbitration_id, self.dlc, self.payload, self.is_attack):
            digest.update(np.ascontiguousarray(column).data)
        return digest.hexdigest()

    def row_keys(self) -> NDArray[np.uint64]:
        """[N] a 64-bit hash of each frame's time, ID, length and payload, without its label.

        Two frames with one key are the same frame: by chance that happens once in 2**64 pairs.
        """
        key = self.timestamp_s.view(np.uint64)
        words = np.ascontiguousarray(self.payload).view("<u8").T
        for column in (self.arbitration_id, self.dlc, *words):
            key = _mixed(key) ^ column.astype(np.uint64)
        return _mixed(key)

    def succession_keys(self) -> NDArray[np.uint64]:
        """[N - 7] a hash of the IDs and payloads of eight frames in a row, without their times.

        They find a recording again whose times were changed: two recordings of one car share
        some in a thousand, two copies of one recording about half or more.
        """
        words = np.ascontiguousarray(self.payload).view("<u8").T
        key = self.arbitration_id.astype(np.uint64)
        for word in words:
            key = _mixed(key) ^ word
        key = _mixed(key)
        n = max(len(key) - _SUCCESSION + 1, 0)
        total = np.zeros(n, dtype=np.uint64)
        for place in range(_SUCCESSION):
            total = total * _PRIME ^ key[place : place + n]
        return _mixed(total)


def joined(logs: Sequence[CanLog]) -> CanLog:
    """One capture of parts that follow each other, one at least; payloads are as wide as the widest."""
    width = max(log.payload.shape[1] for log in logs)
    return CanLog(
        path=logs[0].path,
        timestamp_s=np.concatenate([log.timestamp_s for log in logs]),
        arbitration_id=np.concatenate([log.arbitration_id for log in logs]),
        dlc=np.concatenate([log.dlc for log in logs]),
        payload=np.concatenate([_widened(log.payload, width) for log in logs]),
        is_attack=np.concatenate([log.is_attack for log in logs]),
        is_labelled=all(log.is_labelled for log in logs),
        defects=Defects(**{name: sum(getattr(log.defects, name) for log in logs) for name in vars(Defects())}),
    )


def _widened(payload: NDArray[np.uint8], width: int) -> NDArray[np.uint8]:
    return np.pad(payload, ((0, 0), (0, width - payload.shape[1]))) if payload.shape[1] < width else payload


def _mixed(key: NDArray[np.uint64]) -> NDArray[np.uint64]:
    key = (key ^ (key >> np.uint64(30))) * _MIX[0]
    key = (key ^ (key >> np.uint64(27))) * _MIX[1]
    return np.asarray(key ^ (key >> np.uint64(31)))

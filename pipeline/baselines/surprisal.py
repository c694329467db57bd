"""How unlikely each frame is on its vehicle's bus: nine numbers a frame, learnt from attack-free traffic."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.baselines.folds import Piece, folds
from pipeline.baselines.period_table import MIN_GAPS, PeriodTable, fit_periods
from pipeline.baselines.traffic import Traffic

N_FRAME = 9
_NLLS, _PLAIN = [0, 3, 4, 5, 6, 8], [1, 2, 7]  # columns that are standardised, and that have a unit of their own
_ADD = 0.02  # to each count of a succession
_SHORTEST_S = 1e-6
_BYTES, _VALUES = 8, 256
_LEAST_SPREAD = 0.05  # of a standardised column, natural log


@dataclass(frozen=True, eq=False)
class Surprisal:
    """`I` IDs of one vehicle.

    Attributes:
        table: its periods.
        low, high: [I] 1 % and 99 % quantile of the natural log of its gaps, less the median's.
        bigram: [I + 1, I + 1] −log of the share of the second ID behind the first; the last row and column are unseen.
        value, change: [I, 8, 256] −log of a byte's value, of its difference from the ID's frame before.
        least, most: [I, 8] range of each byte.
        flip: [I, 64] −log of the share of frames in which a bit changes.
        centre, spread: [I + 1, 9] of each column on out-of-fold frames; the last row is of all IDs.
    """

    table: PeriodTable
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    bigram: NDArray[np.float32]
    value: NDArray[np.float32]
    change: NDArray[np.float32]
    least: NDArray[np.uint8]
    most: NDArray[np.uint8]
    flip: NDArray[np.float32]
    centre: NDArray[np.float64]
    spread: NDArray[np.float64]

    def of(self, traffic: Traffic) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
        """[N, 9] standardised surprise of each frame, and [N] the index of its ID, I for an unseen one."""
        raw, code = self.raw(traffic)
        return (raw - self.centre[code]) / self.spread[code], code

    def raw(self, traffic: Traffic) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
        """[N, 9] before standardising."""
        n_ids = len(self.table)
        found = self.table.index(traffic.log.arbitration_id)
        code = np.where(found < 0, n_ids, found)
        known = np.flatnonzero(found >= 0)
        own = code[known]
        raw = np.zeros((len(code), N_FRAME))
        raw[1:, 0] = self.bigram[code[:-1], code[1:]]
        raw[known, 1], raw[known, 2] = self._gaps(traffic.gap_s(1)[known], own)
        payload = traffic.log.payload[known, :_BYTES]
        value, change = np.zeros(len(own)), np.zeros(len(own))
        value_max, change_max, outside = np.zeros(len(own)), np.zeros(len(own)), np.zeros(len(own))
        before = np.ascontiguousarray(traffic.word_before[known]).view(np.uint8).reshape(-1, _BYTES)
        for byte in range(_BYTES):
            one = self.value[own, byte, payload[:, byte]]
            two = self.change[own, byte, payload[:, byte] - before[:, byte]]  # modulo 256
            value, change = value + one, change + two
            value_max, change_max = np.maximum(value_max, one), np.maximum(change_max, two)
            at = payload[:, byte].astype(np.int64)
            outside += np.maximum(self.least[own, byte] - at, 0) + np.maximum(at - self.most[own, byte], 0)
        raw[known, 3:8] = np.stack([value, value_max, change, change_max, np.log1p(outside)], axis=1)
        raw[known, 8] = self._flips(traffic, known, own)
        return raw, code

    def _gaps(self, gap: NDArray[np.float64], own: NDArray[np.intp]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Shortfall and excess of the log gap, in units of its quantiles' distance from the median."""
        with np.errstate(invalid="ignore"):
            off = np.log(np.maximum(gap, _SHORTEST_S)) - np.log(self.table.period_s[own])
        off = np.nan_to_num(off)
        return np.maximum(off / self.low[own], 0), np.maximum(off / self.high[own], 0)

    def _flips(self, traffic: Traffic, known: NDArray[np.intp], own: NDArray[np.intp]) -> NDArray[np.float64]:
        flips = (traffic.word[known] ^ traffic.word_before[known]).view(np.uint8).reshape(-1, _BYTES)
        total = np.zeros(len(own))
        for byte in range(_BYTES):
            total += self._flips_of_byte[own, byte, flips[:, byte]]
        return total

    @cached_property
    def _flips_of_byte(self) -> NDArray[np.float32]:
        """[I, 8, 256] sum of `flip` over the bits that are set in each value of each byte."""
        bits = np.unpackbits(np.arange(_VALUES, dtype=np.uint8)[:, None], axis=1, bitorder="little")
        return np.asarray(self.flip.reshape(-1, _BYTES, 8) @ bits.T.astype(np.float32))

    def arrays(self) -> dict[str, NDArray[Any]]:
        own = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "table"}
        return {**own, **self.table.arrays()}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> "Surprisal":
        own = {field.name: arrays[field.name] for field in fields(cls) if field.name != "table"}
        return cls(table=PeriodTable.of(arrays), **own)


def fit_surprisal(pieces: Sequence[Piece]) -> Surprisal:
    """Of a vehicle's attack-free pieces, its columns standardised on out-of-fold frames."""
    everything = _fit(pieces)
    found = [(_fit(fitted), piece) for fitted, scored in folds(pieces) for piece in scored]
    if not found:
        return everything
    parts = [(one.raw(piece.own)[0], everything.table.index(piece.own.log.arbitration_id)) for one, piece in found]
    raw, code = np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])
    n = len(everything.table)
    centre, spread = np.tile(raw.mean(axis=0), (n + 1, 1)), np.tile(raw.std(axis=0), (n + 1, 1))
    frames = np.bincount(code, minlength=n)
    centre[:, _PLAIN], spread[:, _PLAIN] = 0.0, 1.0
    for column in _NLLS:
        mean = np.bincount(code, raw[:, column], n) / np.maximum(frames, 1)
        square = np.bincount(code, raw[:, column] ** 2, n) / np.maximum(frames, 1)
        enough = np.flatnonzero(frames >= MIN_GAPS)
        centre[enough, column] = mean[enough]
        spread[enough, column] = np.sqrt(np.maximum(square - mean**2, 0))[enough]
    changes = {"centre": centre, "spread": np.maximum(spread, _LEAST_SPREAD)}
    return replace(everything, **changes)


def _fit(pieces: Sequence[Piece]) -> Surprisal:
    table = fit_periods(pieces, MIN_GAPS)
    parts = [piece.own for piece in pieces]
    n = len(table)
    codes = [table.index(part.log.arbitration_id) for part in parts]
    code = np.concatenate(codes)
    low, high = _quantiles(code, np.concatenate([part.gap_s(1) for part in parts]), table)
    follows = np.full((n + 1, n + 1), _ADD)
    for own in codes:
        follows[:n, :n] += np.bincount(own[:-1] * n + own[1:], minlength=n * n).reshape(n, n)
    payload = np.concatenate([part.log.payload[:, :_BYTES] for part in parts])
    words = np.concatenate([part.word for part in parts])
    before = np.concatenate([part.word_before for part in parts])
    change = payload - np.ascontiguousarray(before).view(np.uint8).reshape(-1, _BYTES)
    values = _counts(code, payload, n)
    frames = np.bincount(code, minlength=n)
    flips = np.stack(
        [np.bincount(code[(words ^ before) >> np.uint64(bit) & np.uint64(1) == 1], minlength=n) for bit in range(64)],
        axis=1,
    )
    share = (flips + 0.5) / (frames[:, None] + 1)
    return Surprisal(
        table, low, high, (-np.log(follows / follows.sum(axis=1, keepdims=True))).astype(np.float32),
        _nll(values), _nll(_counts(code, change, n)), (values > 0).argmax(axis=2).astype(np.uint8),
        (_VALUES - 1 - (values > 0)[:, :, ::-1].argmax(axis=2)).astype(np.uint8), (-np.log(share)).astype(np.float32),
        np.zeros((n + 1, N_FRAME)), np.ones((n + 1, N_FRAME)),
    )  # fmt: skip


def _quantiles(
    code: NDArray[np.intp], gap: NDArray[np.float64], table: PeriodTable
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """[I] distance of the 1 % (below 0) and of the 99 % quantile of the log gap from its median."""
    low, high = np.full(len(table), -1.0), np.full(len(table), 1.0)
    kept = np.flatnonzero(~np.isnan(gap))
    off = np.log(np.maximum(gap[kept], _SHORTEST_S)) - np.log(table.period_s[code[kept]])
    order = np.lexsort((off, code[kept]))
    bounds = np.r_[0, np.cumsum(np.bincount(code[kept], minlength=len(table)))]
    ranked = off[order]
    for index in np.flatnonzero(np.diff(bounds)):
        first, last = np.quantile(ranked[bounds[index] : bounds[index + 1]], [0.01, 0.99])
        low[index], high[index] = min(first, -_LEAST_SPREAD), max(last, _LEAST_SPREAD)
    return low, high


def _counts(code: NDArray[np.intp], values: NDArray[np.uint8], n_ids: int) -> NDArray[np.int64]:
    """[I, 8, 256] frames of each ID with each value of each byte."""
    columns = [np.bincount(code * _VALUES + values[:, byte], minlength=n_ids * _VALUES) for byte in range(_BYTES)]
    return np.stack(columns, axis=1).reshape(n_ids, _VALUES, _BYTES).transpose(0, 2, 1)


def _nll(counts: NDArray[np.int64]) -> NDArray[np.float32]:
    """[I, 8, 256] −log of each value's share; values never seen share the mass of those seen once (Good 1953)."""
    total = counts.sum(axis=2, keepdims=True)
    unseen = np.maximum((counts == 0).sum(axis=2, keepdims=True), 1)
    mass = ((counts == 1).sum(axis=2, keepdims=True) + 0.5) / (total + 1)
    seen = counts / np.maximum(total, 1) * (1 - np.minimum(mass, 0.5))
    return np.asarray(-np.log(np.where(counts > 0, seen, mass / unseen)), dtype=np.float32)

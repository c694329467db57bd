"""Out-of-fold windows: each third of every capture is scored by what was fitted on the other two."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pipeline.baselines.traffic import Traffic

FOLDS = 3


@dataclass(frozen=True, eq=False)
class Piece:
    """Frames `start` … `stop - 1` of a capture."""

    traffic: Traffic
    start: int
    stop: int

    @property
    def own(self) -> Traffic:
        """The piece as traffic of its own: what lies before it is not its past."""
        return self.traffic.part(self.start, self.stop)


def folds(pieces: Sequence[Piece]) -> Iterator[tuple[list[Piece], list[Piece]]]:
    """(to fit on, to score) for each fold; a fold without a full window to score is left out."""
    for fold in range(FOLDS):
        fitted: list[Piece] = []
        scored: list[Piece] = []
        for piece in pieces:
            low, high = (min(max(_cut(piece.traffic, k), piece.start), piece.stop) for k in (fold, fold + 1))
            fitted += _kept(Piece(piece.traffic, piece.start, low), Piece(piece.traffic, high, piece.stop))
            scored += _kept(Piece(piece.traffic, low, high), shortest=piece.traffic.window.size)
        if fitted and scored:
            yield fitted, scored


def _cut(traffic: Traffic, third: int) -> int:
    """The frame at which a third of the capture ends; a window begins there."""
    n, stride = len(traffic.log), traffic.window.stride
    return n if third == FOLDS else n * third // FOLDS // stride * stride


def _kept(*pieces: Piece, shortest: int = 1) -> list[Piece]:
    return [piece for piece in pieces if piece.stop - piece.start >= shortest]

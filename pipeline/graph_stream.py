"""A capture's graphs as its frames come in: any size of piece gives the same graphs, in constant memory.

A frame is held against the frames of its ID before it, some of which lie in an earlier piece, and a window's
last word is spoken by the stretch behind it (`surprise.early_frames`). So the last frames of each ID go
along as the past, and a window waits until the stretch behind its own is complete.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from pipeline.can_log import CanLog, joined
from pipeline.config import HabitConfig, WindowConfig
from pipeline.graphs import GraphArrays, build_graphs
from pipeline.habit import Habit
from pipeline.succession import LAGS, stable_order
from pipeline.surprise import surprises
from pipeline.vocabulary import Vocabulary
from pipeline.windows import cut_windows

# A frame looks at its predecessor's charge, which looks at frames up to LAGS - 1 before, which look LAGS back.
_PAST = 2 * LAGS


class GraphStream:
    """Pieces of a capture in, graphs of complete windows out.

    Args:
        vocabulary: of the networks; an empty one makes every ID unknown to them.
    """

    def __init__(
        self,
        habit: Habit,
        window: WindowConfig,
        config: HabitConfig,
        vocabulary: Vocabulary,
        threads: int | None = None,
    ) -> None:
        self.habit, self.window, self.vocabulary, self.threads = habit, window, vocabulary, threads
        self.config = config.model_copy(update={"charge_frames": window.size})
        self._past: CanLog | None = None
        self._waiting: CanLog | None = None
        self._first_frame = 0  # of `_waiting`, counted over the capture
        self._origin_s = 0.0

    def feed(self, piece: CanLog, is_last: bool) -> GraphArrays | None:
        """Graphs of the windows that are complete now; None where there are none yet."""
        frames = piece if self._waiting is None else joined([self._waiting, piece])
        if self._waiting is None:
            self._origin_s = float(piece.timestamp_s[0])
        n_windows = self._complete(len(frames), is_last)
        if not n_windows:
            self._waiting = frames
            return None
        graphs = self._graphs(frames, n_windows)
        done = n_windows * self.window.stride
        past = frames if self._past is None else joined([self._past, frames])
        self._past = _last_of_each(past, len(past) - len(frames) + done)
        self._waiting = frames.frames(slice(done, None))
        self._first_frame += done
        return graphs

    def _complete(self, n_frames: int, is_last: bool) -> int:
        size, stride = self.window.size, self.window.stride
        if is_last:
            return max((n_frames - size) // stride + 1, 0)
        # the stretch behind the one that holds a window's last frame must be there as well
        stretches = (self._first_frame + n_frames) // size
        last_frame = (stretches - 1) * size - self._first_frame  # one behind the last frame that is decided
        # a stride wider than a window ends behind it: the frames to be left out must have come
        return min(max((last_frame - size) // stride + 1, 0), n_frames // stride)

    def _graphs(self, frames: CanLog, n_windows: int) -> GraphArrays:
        n_past = 0 if self._past is None else len(self._past)
        whole = frames if self._past is None else joined([self._past, frames])
        surprise = surprises(
            self.habit, self.config, whole.arbitration_id, whole.timestamp_s, whole.dlc, whole.payload_word,
            n_past - self._first_frame % self.window.size, self.threads,
        ).since(n_past)  # fmt: skip
        used = (n_windows - 1) * self.window.stride + self.window.size
        windows = cut_windows(frames.frames(slice(used)), self.window)
        graphs = build_graphs(
            windows, self.vocabulary, self.habit, surprise.until(used), self.config.slow_period_s,
            self.config.slow_weight, self.threads,
        )  # fmt: skip
        shift_s = float(frames.timestamp_s[0]) - self._origin_s
        return replace(
            graphs,
            start_frame=graphs.start_frame + self._first_frame,
            start_s=graphs.start_s + shift_s,
            end_s=graphs.end_s + shift_s,
        )


def graphs_of(
    log: CanLog, habit: Habit, window: WindowConfig, config: HabitConfig, vocabulary: Vocabulary
) -> GraphArrays:
    """The graphs of a whole capture.

    Raises:
        StageError: it is shorter than one window.
    """
    graphs = GraphStream(habit, window, config, vocabulary).feed(log, is_last=True)
    if graphs is None:
        cut_windows(log, window)  # says what is wrong
        raise AssertionError("a capture of one window has a graph")
    return graphs


def _last_of_each(log: CanLog, stop: int) -> CanLog:
    """The last frames of each ID before frame `stop`, in recording order."""
    ids = log.arbitration_id[:stop]
    order = stable_order(ids)
    sorted_id = ids[order]
    ends = np.flatnonzero(np.r_[sorted_id[1:] != sorted_id[:-1], True]) if stop else np.empty(0, np.intp)
    counts = np.diff(np.r_[-1, ends])
    behind = np.repeat(ends, counts) - np.arange(len(order))
    kept: NDArray[np.intp] = np.sort(order[behind < _PAST])
    return log.frames(kept)

"""Graphs for benches and tests of what comes after graphs: real windows, each against its capture's first frames."""

from pathlib import Path

from pipeline.can_log import CanLog
from pipeline.config import HabitConfig, WindowConfig
from pipeline.graph_stream import graphs_of
from pipeline.graphs import GraphArrays, concatenate
from pipeline.habit_fit import Stretch, fit_habit
from pipeline.readers import read_can_log
from pipeline.vocabulary import Vocabulary, learn_vocabulary

SAMPLE = Path(__file__).resolve().parents[2] / "data" / "sample"
_FIRST = 2_000  # frames a habit is learnt from


def graphs_by_own_habit(log: CanLog, vocabulary: Vocabulary) -> GraphArrays:
    """The graphs of a capture's windows."""
    window, config = WindowConfig(), HabitConfig()
    habit = fit_habit([Stretch(log, 0, min(_FIRST, len(log)))], window.size, config)
    return graphs_of(log, habit, window, config, vocabulary)


def sample_graphs() -> tuple[GraphArrays, Vocabulary]:
    """The windows of the bundled recordings, and the IDs of their benign frames."""
    logs = [read_can_log(path, "can-train-and-test-csv") for path in sorted(SAMPLE.rglob("*.csv.gz"))]
    vocabulary = learn_vocabulary(log.arbitration_id[~log.is_attack] for log in logs)
    return concatenate([graphs_by_own_habit(log, vocabulary) for log in logs]), vocabulary

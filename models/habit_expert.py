"""The rules as an expert: departures from the vehicle's habit, counted in frames and summed over a window.

Periods and counting rules alone nearly solve injection attacks, so they are an expert of their own beside the
networks. It has no weights: what it knows of a vehicle came with the features of the nodes.
"""

import torch
from torch import Tensor

from models.graph_batch import GraphBatch, graph_of_node, segment_max, segment_sum

# The last node features, in column order; 0 where the habit lacks the ID (pipeline/habit.py, surprise.py).
HABIT_FEATURES = (
    "unseen_frames",  # frames of an ID that the habit lacks
    "early_frames",  # frames before their time; one of a slow ID counts habit.slow_weight
    "early_depth",  # the earliest of them, periods before its time, 0..1.25
    "over_frames",  # frames above what the window's duration, or the habit's fullest window, allows
    "new_length_frames",  # frames with a payload length never seen for the ID
    "counter_breaks",  # frames whose rolling counter does not follow the frame before
    "gap_mean_log2",  # log2 of the time since the ID's last frame / its period, mean over its frames
    "gap_max_log2",  # the largest absolute value of the same
    "period_log10_ms",  # log10 of the ID's period, ms
    "is_periodic",  # 1 where the ID keeps its period
    "hamming_above",  # hamming_mean less its mean in the habit; 0 for a single frame
    "new_bytes",  # payload bytes with a value never seen there / 8, mean, 0..1
    "habit_log10_s",  # log10 of the seconds of traffic the habit was learnt from
)
HABIT_EDGE_FEATURES = 1  # of the edge features the last: whether the habit lacks the succession
# What the expert sums, and two facts beside it.
EVIDENCE = ("unseen_frames", "early_frames", "over_frames", "new_length_frames", "counter_breaks", "habit_log10_s")
_ONE_EVENT = 0.5  # departures at which the score is 0.5: any one event is an alarm
_SHORT_HABIT_LOG10_S = 1.477  # below 30 s a habit has not met every ID: one unseen frame a window is free
_FREE_BREAKS = 1  # a lost frame breaks a counter once
_MOST = 1e4  # more frames than a window can hold; sums of the largest floats would be infinite


def habit_evidence(batch: GraphBatch) -> Tensor:
    """[G, len(EVIDENCE)] frames of each departure, summed over the window; of counter breaks the most of one ID."""
    graph = graph_of_node(batch.ptr, batch.x.shape[0])
    first = batch.x.shape[1] - len(HABIT_FEATURES)
    column = {name: first + HABIT_FEATURES.index(name) for name in EVIDENCE}
    places = torch.tensor([column[name] for name in EVIDENCE], device=batch.x.device)
    summed = batch.x.index_select(1, places[:4]).clamp(0.0, _MOST)
    largest = batch.x.index_select(1, places[4:]).clamp(-_MOST, _MOST)
    return torch.cat([segment_sum(summed, graph, batch.n_graphs), segment_max(largest, graph, batch.n_graphs)], dim=1)


def departures(evidence: Tensor) -> Tensor:
    """[G] departures from habit, in frames; 0 for a window in which nothing is unusual."""
    unseen, early, over, new_length, breaks, log10_s = evidence.unbind(1)
    free = (log10_s < _SHORT_HABIT_LOG10_S).to(unseen.dtype)
    return (unseen - free).clamp(min=0) + early + over + new_length + (breaks - _FREE_BREAKS).clamp(min=0)


def habit_score(evidence: Tensor) -> Tensor:
    """[G] in [0, 1]: 1 - 2^(-d / 0.5) of the departures d: 0.5 at half a frame, 0.75 at one, 0.94 at two."""
    return 1 - torch.exp2(-departures(evidence) / _ONE_EVENT)

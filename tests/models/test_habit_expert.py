"""The rules as an expert: what counts as a departure, and what a short habit or a lost frame is forgiven."""

import pytest
import torch
from torch import Tensor

from models.graph_batch import GraphBatch
from models.habit_expert import EVIDENCE, HABIT_FEATURES, departures, habit_evidence, habit_score

LONG, SHORT = 3.0, 1.0  # log10 of a thousand and of ten seconds
NODE_WIDTH = 2 + len(HABIT_FEATURES)


def nodes(*rows: dict[str, float]) -> Tensor:
    """[N, NODE_WIDTH] of nodes with the features named, two columns of something else before them."""
    x = torch.zeros(len(rows), NODE_WIDTH)
    x[:, :2] = 77.0
    for place, row in enumerate(rows):
        for name, value in {"habit_log10_s": LONG, **row}.items():
            x[place, 2 + HABIT_FEATURES.index(name)] = value
    return x


def evidence_of(*graphs: list[dict[str, float]]) -> Tensor:
    sizes = [len(graph) for graph in graphs]
    none = torch.zeros(0)
    batch = GraphBatch(
        node_id=torch.zeros(sum(sizes), dtype=torch.long), x=nodes(*(row for graph in graphs for row in graph)),
        edge_index=torch.zeros(2, 0, dtype=torch.long), edge_attr=torch.zeros(0, 3),
        ptr=torch.tensor([0, *sizes]).cumsum(0), y=none.long(),
    )  # fmt: skip
    return habit_evidence(batch)


def test_frames_are_summed_over_a_window_and_breaks_are_the_most_of_one_id() -> None:
    """Broken counters of two IDs do not add up: each may have lost a frame of its own."""
    one = {"unseen_frames": 2.0, "early_frames": 1.4, "over_frames": 3.0, "new_length_frames": 1.0}
    found = evidence_of([{**one, "counter_breaks": 2.0}, {**one, "counter_breaks": 3.0}], [{}])
    assert dict(zip(EVIDENCE, found[0].tolist(), strict=True)) == pytest.approx(
        {"unseen_frames": 4.0, "early_frames": 2.8, "over_frames": 6.0, "new_length_frames": 2.0,
         "counter_breaks": 3.0, "habit_log10_s": LONG}
    )  # fmt: skip
    assert found[1].tolist() == [0, 0, 0, 0, 0, LONG]


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({}, 0.0),
        ({"unseen_frames": 1.0}, 1.0),
        ({"unseen_frames": 1.0, "habit_log10_s": SHORT}, 0.0),  # ten seconds have not met every ID
        ({"unseen_frames": 3.0, "habit_log10_s": SHORT}, 2.0),
        ({"early_frames": 0.4}, 0.4),
        ({"early_frames": 0.4, "habit_log10_s": SHORT}, 0.4),
        ({"over_frames": 2.5, "new_length_frames": 1.0}, 3.5),
        ({"counter_breaks": 1.0}, 0.0),  # a lost frame
        ({"counter_breaks": 2.0}, 1.0),
        ({"gap_max_log2": 9.0, "new_bytes": 1.0, "hamming_above": 1.0}, 0.0),  # seen by the networks alone
    ],
    ids=str,
)
def test_what_counts_as_a_departure(row: dict[str, float], expected: float) -> None:
    assert departures(evidence_of([row])).item() == pytest.approx(expected)


def test_half_a_frame_is_a_half_and_nothing_is_0() -> None:
    scores = habit_score(evidence_of([{}], [{"early_frames": 0.5}], [{"early_frames": 1.0}], [{"over_frames": 99.5}]))
    assert scores.tolist() == pytest.approx([0.0, 0.5, 0.75, 1.0])


def test_a_window_without_nodes_departs_from_nothing() -> None:
    assert habit_score(evidence_of([{"early_frames": 2.0}], [])).tolist() == pytest.approx([0.9375, 0.0])


@pytest.mark.parametrize("value", [1e30, 3e38, -3e38])
def test_numbers_that_no_window_can_count_still_give_a_score(value: float) -> None:
    rows = [dict.fromkeys(HABIT_FEATURES, value)] * 3
    score = habit_score(evidence_of(rows))
    assert torch.isfinite(score).all()
    assert 0 <= score.item() <= 1

"""Batches equal PyG's, tensor for tensor; an epoch's order depends on seed and epoch alone."""

from pathlib import Path

import numpy as np
import pytest
import torch

from pipeline.batches import Batches, GraphTensors
from pipeline.config import HabitConfig, WindowConfig
from pipeline.graph_set import CaptureInfo, GraphSet, load_graphs, save_graphs
from pipeline.graphs import GraphArrays, concatenate
from pipeline.vocabulary import Vocabulary
from tests.bench.collate import data_list, equal
from tests.bench.sample import graphs_by_own_habit
from tests.pipeline.captures import BENIGN, FLOOD, made_up, recorded, stretch


@pytest.fixture(scope="module")
def graphs() -> GraphArrays:
    """600 real windows of two captures, with and without attacks, and 30 whose graphs are a single node."""
    logs = [stretch(recorded(FLOOD), 20_000, 60_000), stretch(recorded(BENIGN), 0, 20_000), made_up(np.zeros(3000))]
    vocabulary = Vocabulary(tuple(np.unique(logs[1].arbitration_id).tolist()))
    return concatenate([graphs_by_own_habit(log, vocabulary) for log in logs])


ORDERS = {
    "in order": np.arange(128),
    "shuffled": np.random.default_rng(0).permutation(630)[:128],
    "backward": np.arange(630)[::-1].copy(),
    "one graph": np.array([401]),
    "a graph twice": np.array([5, 5, 629, 5]),
    "single nodes only": np.arange(600, 630),
}


@pytest.mark.parametrize("order", ORDERS)
def test_a_batch_is_pygs_tensor_for_tensor(graphs: GraphArrays, order: str) -> None:
    from torch_geometric.data import Batch

    assert 0 < graphs.is_attack.sum() < len(graphs) == 630
    chosen = ORDERS[order]
    objects = data_list(graphs)
    expected = Batch.from_data_list([objects[g] for g in chosen])
    assert equal(GraphTensors(graphs).batch(torch.from_numpy(chosen)), expected)


def test_graphs_read_from_disk_give_the_same_batches(graphs: GraphArrays, tmp_path: Path) -> None:
    zeros = np.zeros(len(graphs), dtype=np.int8)
    info = CaptureInfo("a", "b", "c", "train", "0")
    config = (WindowConfig(), HabitConfig())
    kept = GraphSet(graphs, zeros.astype(np.int16), zeros, zeros, (info,), Vocabulary((1,)), {}, *config, "d")
    save_graphs(tmp_path, kept)
    chosen = torch.arange(0, 630, 7)
    memory, disk = (GraphTensors(one).batch(chosen) for one in (graphs, load_graphs(tmp_path).graphs))
    for a, b in zip(memory, disk, strict=True):
        assert a.dtype == b.dtype
        assert torch.equal(a, b)
    disk.x.add_(1.0)  # a batch is its own: a network may write to it
    assert torch.equal(GraphTensors(load_graphs(tmp_path).graphs).batch(chosen).x, memory.x)


def epoch(batches: Batches[torch.Tensor], number: int) -> list[int]:
    batches.epoch = number
    return [int(index) for batch in batches for index in batch]


def indices(seed: int | None, batch_size: int = 7) -> Batches[torch.Tensor]:
    return Batches(lambda at: at, np.arange(100, 200), batch_size, seed)


def test_every_index_comes_once_an_epoch() -> None:
    batches = indices(seed=3)
    assert sorted(epoch(batches, 0)) == list(range(100, 200))
    assert len(batches) == 15 == len(list(batches))
    assert [len(batch) for batch in batches] == [7] * 14 + [2]


def test_the_order_is_a_function_of_seed_and_epoch() -> None:
    first = [epoch(indices(seed=3), number) for number in range(4)]
    again = indices(seed=3)
    assert [epoch(again, number) for number in (3, 1, 0, 2)] == [first[3], first[1], first[0], first[2]]
    assert len({tuple(order) for order in first}) == 4
    assert epoch(indices(seed=4), 0) != first[0]
    torch.manual_seed(99)  # whatever else drew random numbers
    assert epoch(indices(seed=3), 0) == first[0]


def test_the_order_of_seeds_and_epochs_is_not_shared_between_neighbours() -> None:
    orders = {tuple(epoch(indices(seed=seed), number)) for seed in range(8) for number in range(8)}
    assert len(orders) == 64


def test_without_a_seed_the_order_is_that_of_the_recording() -> None:
    assert epoch(indices(seed=None), 5) == list(range(100, 200))

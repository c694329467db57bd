"""Frames of a capture can be taken out and put together again, and no column is forgotten on the way."""

from dataclasses import replace

import numpy as np
import pytest

from pipeline.can_log import CanLog, Defects, joined
from tests.pipeline.captures import made_up

DEFECTS = Defects(empty_payloads=1, backward_steps=2, repaired_rows=3, error_frames=4, clock_jumps=5)
COLUMNS = ("timestamp_s", "arbitration_id", "dlc", "payload", "is_attack")


@pytest.fixture
def log() -> CanLog:
    """Ten frames, every column different from frame to frame."""
    log = made_up(np.arange(10), is_attack=np.arange(10) % 3 == 0)
    return replace(log, dlc=np.arange(10, dtype=np.uint8) % 9, defects=DEFECTS)


def test_a_slice_gives_views(log: CanLog) -> None:
    part = log.frames(slice(2, 7))
    assert len(part) == 5
    for name in COLUMNS:
        assert np.shares_memory(getattr(part, name), getattr(log, name)), name
        assert np.array_equal(getattr(part, name), getattr(log, name)[2:7]), name
    assert (part.path, part.is_labelled, part.defects) == (log.path, log.is_labelled, log.defects)


def test_indices_give_those_frames_in_their_order(log: CanLog) -> None:
    kept = np.array([8, 0, 3])
    part = log.frames(kept)
    for name in COLUMNS:
        assert not np.shares_memory(getattr(part, name), getattr(log, name)), name
        assert np.array_equal(getattr(part, name), getattr(log, name)[kept]), name


@pytest.mark.parametrize("bounds", [(), (4,), (1, 1, 9)], ids=str)
def test_parts_joined_are_the_whole(log: CanLog, bounds: tuple[int, ...]) -> None:
    whole = joined([log.frames(slice(*ends)) for ends in zip((0, *bounds), (*bounds, 10), strict=True)])
    assert whole.row_digest() == log.row_digest()
    assert whole.path == log.path


def test_defects_add_up_and_labels_must_be_everywhere(log: CanLog) -> None:
    both = joined([log, replace(log, defects=replace(DEFECTS, clock_jumps=0))])
    assert both.defects == Defects(2, 4, 6, 8, 5)
    assert both.is_labelled
    assert not joined([log, log.without_labels()]).is_labelled


def test_payloads_are_as_wide_as_the_widest(log: CanLog) -> None:
    wide = replace(log, payload=np.full((10, 64), 7, dtype=np.uint8))
    for parts in ([log, wide], [wide, log]):
        found = joined(parts).payload
        assert found.shape == (20, 64)
        for place, part in enumerate(parts):
            own, width = found[10 * place : 10 * place + 10], part.payload.shape[1]
            assert np.array_equal(own[:, :width], part.payload)
            assert not own[:, width:].any()


def test_without_labels_nothing_is_an_attack_and_the_rest_stays(log: CanLog) -> None:
    blank = log.without_labels()
    assert not blank.is_labelled
    assert not blank.is_attack.any()
    assert log.is_attack.any()
    assert np.array_equal(blank.row_keys(), log.row_keys())

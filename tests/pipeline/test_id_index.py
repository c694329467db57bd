"""The place of an ID among known ones: by table for 11-bit IDs, by search for 29-bit ones, the same answer."""

import numpy as np
import pytest

from pipeline.id_index import index_among


@pytest.mark.parametrize("known", [[], [0], [5], [0x100, 0x7FF], [3, 2**16 - 1], [3, 2**16], [1, 2**29 - 1]], ids=str)
def test_each_id_gets_its_place_or_minus_one(known: list[int]) -> None:
    asked = [0, 1, 2, 3, 4, 5, 0xFF, 0x100, 0x7FE, 0x7FF, 0x800, 2**16 - 1, 2**16, 2**29 - 2, 2**29 - 1]
    found = index_among(np.array(known, np.uint32), np.array(asked, np.uint32))
    assert found.tolist() == [known.index(one) if one in known else -1 for one in asked]


@pytest.mark.parametrize("known", [[], [7], [2**20]], ids=str)
def test_no_id_asked_gives_no_place(known: list[int]) -> None:
    assert index_among(np.array(known, np.uint32), np.empty(0, np.uint32)).tolist() == []

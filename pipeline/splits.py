"""Which windows train, validate and test, so that nothing seen in training is ever scored as unseen.

Test captures are those of the dataset's test folders. A training capture is cut into blocks of
consecutive windows; every n-th block validates, and the windows beside it are left out (embargo), since
neighbouring windows are near copies of each other. A window that holds a frame that also stands in a
later split (the same recording published twice) is left out as well; what remains is asserted.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline.config import SplitConfig
from pipeline.errors import StageError
from pipeline.windows import WindowSet

# A window's place; the last two are left out of everything.
PLACES = ("train", "validation", "test", "embargo", "shared")
TRAIN, VALIDATION, TEST, EMBARGO, SHARED = range(len(PLACES))

SAME_RECORDING = 0.1  # of successions; recordings of one car share below 0.003, copies of one about half

Places = NDArray[np.int8]  # [W] index into PLACES
Keys = NDArray[np.uint64]  # [W, size] CanLog.row_keys of a window's frames


def split_by_block(n_windows: int, config: SplitConfig) -> Places:
    """[W] TRAIN, VALIDATION or EMBARGO for the windows of one training capture, in time order."""
    block = np.arange(n_windows) // config.block_windows
    is_validation = block % config.validation_every == config.validation_every // 2
    near = is_validation.copy()
    for shift in range(1, config.embargo_windows + 1):
        near[shift:] |= is_validation[:-shift]
        near[:-shift] |= is_validation[shift:]
    return np.where(is_validation, VALIDATION, np.where(near, EMBARGO, TRAIN)).astype(np.int8)


def split_windows(
    captures: Mapping[str, WindowSet], test_names: Sequence[str], config: SplitConfig, leaves_out_copies: bool = False
) -> dict[str, Places]:
    """[W] the place of each window of each capture.

    Args:
        leaves_out_copies: whether windows of a training capture that is the recording of a test capture with other
            times (`same_recordings`) count as shared too.

    Raises:
        StageError: a split is left without windows, or training or validation without benign ones.
    """
    keys = {name: windows.view(windows.log.row_keys()) for name, windows in captures.items()}
    places = {
        name: np.full(len(windows), TEST, dtype=np.int8)
        if name in set(test_names)
        else split_by_block(len(windows), config)
        for name, windows in captures.items()
    }
    if leaves_out_copies:
        copied = _copied_windows(captures, test_names)
        for name in same_recordings(captures, test_names):
            places[name][copied[name]] = SHARED
    # From the last split to the first: what is scored is protected from what is trained on.
    for protected in (TEST, VALIDATION):
        held = KeySet(_keys_at(keys, places, protected))
        for name, column in places.items():
            earlier = np.flatnonzero(column < protected)
            column[earlier[held.holds(keys[name][earlier]).any(axis=1)]] = SHARED
    assert_disjoint(keys, places)
    for place in (TRAIN, VALIDATION, TEST):
        if not any((column == place).any() for column in places.values()):
            raise StageError(
                f"no window is left to {PLACES[place]}. Lower split.block_windows or split.embargo_windows, "
                "or check that the captures are not copies of each other."
            )
    for place in (TRAIN, VALIDATION):
        if not any(((column == place) & ~captures[name].is_attack).any() for name, column in places.items()):
            raise StageError(
                f"every window left to {PLACES[place]} holds an attack, and what is normal is learnt, and thresholds "
                "are set, on benign ones. Add a training capture without attacks, or lower window.size."
            )
    return places


def assert_disjoint(keys: Mapping[str, Keys], places: Mapping[str, Places]) -> None:
    """Raises StageError where two splits share a frame: the run must not go on."""
    held = {place: _keys_at(keys, places, place) for place in (TRAIN, VALIDATION, TEST)}
    for first, second in ((TRAIN, VALIDATION), (TRAIN, TEST), (VALIDATION, TEST)):
        common = held[first][KeySet(held[second]).holds(held[first])]
        if len(common):
            raise StageError(
                f"{PLACES[first]} and {PLACES[second]} share {len(np.unique(common))} frames. "
                "Results would be leaked; this is a fault of the split, please report it."
            )


def same_recordings(captures: Mapping[str, WindowSet], test_names: Sequence[str]) -> dict[str, float]:
    """Training captures of which more than a tenth of all successions of frames stand in test captures -> the share.

    Row keys find a frame by its time as well, so a copy with other times, as one relabelled after it was replayed in
    a laboratory, is not found by them. What becomes of such a capture is the experiment's decision.
    """
    held = _succession_set(captures, test_names)
    shares = {
        name: float(held.holds(windows.log.succession_keys()).mean())
        for name, windows in captures.items()
        if name not in set(test_names)
    }
    return {name: share for name, share in shares.items() if share > SAME_RECORDING}


def _copied_windows(captures: Mapping[str, WindowSet], test_names: Sequence[str]) -> dict[str, NDArray[np.bool_]]:
    """[W] whether more than a tenth of a window's successions stand in a test capture."""
    held, found = _succession_set(captures, test_names), {}
    for name, windows in captures.items():
        is_held = np.zeros(len(windows.log), dtype=bool)
        known = held.holds(windows.log.succession_keys())
        is_held[: len(known)] = known
        found[name] = windows.view(is_held).mean(axis=1) > SAME_RECORDING
    return found


def _succession_set(captures: Mapping[str, WindowSet], names: Sequence[str]) -> "KeySet":
    keys = [captures[name].log.succession_keys() for name in names]
    return KeySet(np.concatenate(keys) if keys else np.empty(0, dtype=np.uint64))


class KeySet:
    """Row keys to look others up in; most are told apart by their first bits, which are as good as random."""

    def __init__(self, keys: NDArray[np.uint64]) -> None:
        self._sorted = np.sort(keys)
        bits = min(max(len(self._sorted).bit_length() + 4, 10), 30)
        self._shift = np.uint64(64 - bits)
        self._is_filled = np.zeros(2**bits, dtype=bool)
        self._is_filled[self._sorted >> self._shift] = True

    def holds(self, keys: NDArray[np.uint64]) -> NDArray[np.bool_]:
        """Which of `keys` are in the set, in their shape."""
        found: NDArray[np.bool_] = self._is_filled[keys >> self._shift]
        likely = keys[found]
        at = np.searchsorted(self._sorted, likely)
        found[found] = self._sorted[np.minimum(at, len(self._sorted) - 1)] == likely
        return found


def _keys_at(keys: Mapping[str, Keys], places: Mapping[str, Places], place: int) -> NDArray[np.uint64]:
    found = [keys[name][column == place].ravel() for name, column in places.items()]
    return np.concatenate(found) if found else np.empty(0, dtype=np.uint64)

"""Publishers of one remote: what `remote` measures, held against the bars."""

from pathlib import Path

from tests.torture.figure import Figure, Tick, exactly, none_of, told
from tests.torture.remote import commits_under_faults, publishers_on_one_pointer

ROUNDS = 10_000  # commits
_PUBLISHERS = 32


def torture(folder: Path, rounds: int, seed: int, tick: Tick) -> list[Figure]:
    races = max(1, rounds // 500)
    race = publishers_on_one_pointer(_PUBLISHERS, races)
    chain = commits_under_faults(rounds, seed=seed)
    return [
        exactly("remote", f"{_PUBLISHERS} publishers, {races} races: winners", race["winners"], races),
        exactly("remote", "of these told that another won", race["told"], races * (_PUBLISHERS - 1)),
        *told("remote", chain, "requests", "faults", "not_known"),
        Figure("remote", "commits", chain["commits"], f"≥ {rounds}", chain["commits"] >= rounds),
        exactly("remote", "numbers without a gap", chain["is_contiguous"], True),
        *none_of("remote", chain, "lost", "doubled"),
    ]

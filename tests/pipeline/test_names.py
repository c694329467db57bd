"""A name that is none is answered with the nearest and with all there are."""

import re

import pytest

from pipeline.errors import ConfigError
from pipeline.names import find_named, nearest

ROWS = {"alpha": 1, "beta": 2}


def test_a_known_name_gives_its_row() -> None:
    assert find_named("letter", "beta", ROWS) == 2


@pytest.mark.parametrize(
    ("name", "where", "said"),
    [
        ("bet", "", "no letter is called 'bet'; did you mean 'beta'? Letters: alpha, beta."),
        ("zzz", "the book", "no letter is called 'zzz'. Letters: alpha, beta (the book)."),
    ],
)
def test_another_is_refused_with_what_there_is(name: str, where: str, said: str) -> None:
    with pytest.raises(ConfigError, match=f"^{re.escape(said)}$"):
        find_named("letter", name, ROWS, where)


def test_how_near_a_name_must_be_is_a_choice() -> None:
    assert nearest("bxtxx", ROWS, cutoff=0.9) == "."
    assert nearest("bxtxx", ROWS, cutoff=0.3) == "; did you mean 'beta'?"

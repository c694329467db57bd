"""What a command takes as text: an unset variable of a shell is empty text, which must not mean something else."""

import argparse
import re
from pathlib import Path


def given(text: str) -> str:
    """The text as it is.

    Raises:
        argparse.ArgumentTypeError: it is empty, or blank.
    """
    if not text.strip():
        raise argparse.ArgumentTypeError("the text is empty: is a variable of the shell not set?")
    return text


def given_path(text: str) -> Path:
    """As `given`: an empty path would be the folder one stands in."""
    return Path(given(text))


def given_lake(text: str) -> Path:
    """As `given_path`: an address would be a folder with an odd name. A path has one slash of it left."""
    if re.match(r"(s3|https?|file):/", given(text)):
        raise argparse.ArgumentTypeError(
            f"{text} is a remote, and a lake is a folder: pull it into one first (./run lake --lake DIR pull REMOTE)"
        )
    return Path(text)


def given_number(text: str, unit: str, most: float = 1e6) -> float:
    """A number of days, seconds … from 0 on.

    Raises:
        argparse.ArgumentTypeError: it is none, or more than anybody means.
    """
    try:
        number = float(text)
    except ValueError:
        number = -1
    if not 0 <= number <= most:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of {unit} from 0 to {most:,.0f}")
    return number

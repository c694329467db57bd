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

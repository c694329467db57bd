"""Recorded copies of texts for other programs; a difference shows both sides and how to accept the new one."""

import difflib
import os
from pathlib import Path

import pytest

GOLDEN = Path(__file__).resolve().parent


def assert_golden(name: str, text: str) -> None:
    """`text` equals tests/golden/`name`; with ACCEPT_GOLDEN=1 it becomes the recorded copy."""
    path = GOLDEN / name
    if os.environ.get("ACCEPT_GOLDEN") == "1":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    recorded = path.read_text() if path.exists() else ""
    if recorded != text:
        lines = difflib.unified_diff(recorded.splitlines(), text.splitlines(), f"golden/{name}", "now", lineterm="")
        pytest.fail("\n".join([*lines, "", "If the new text is right: ACCEPT_GOLDEN=1 ./run test FILE"]), pytrace=False)

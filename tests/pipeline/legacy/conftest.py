"""A lake of its own for each import."""

from pathlib import Path

import pytest

from tests.pipeline.legacy.stores import Importing


@pytest.fixture
def importing(tmp_path: Path) -> Importing:
    return Importing(tmp_path / "lake")

"""A registered fusion is released by its name."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from lake.errors import LakeError
from lake.registry import register, set_alias
from pipeline.release.source import find_source
from tests.release.conftest import SEEDS, Trained


def test_a_release_is_made_of_the_run_that_an_alias_names(trained: Trained, tmp_path: Path) -> None:
    settings = replace(trained.settings, lake=Path(shutil.copytree(trained.settings.lake, tmp_path / "lake")))
    for seed in SEEDS:
        found = register(settings.lake, trained.fusion[seed])
    set_alias(settings.lake, f"{found.name}:2", "paper-v1")
    assert find_source(f"{found.name}@paper-v1", settings).run_id == trained.fusion[SEEDS[1]]
    with pytest.raises(LakeError, match=f"no version of {found.name} in production"):
        find_source(found.name, settings)

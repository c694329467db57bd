"""One private Slurm for all tests that need a real one."""

from collections.abc import Iterator

import pytest

from tests.slurm.private import Slurm, missing, private_slurm


@pytest.fixture(scope="session")
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slurm]:
    if reason := missing():
        pytest.skip(reason)
    with private_slurm(tmp_path_factory.mktemp("slurm")) as running:
        yield running

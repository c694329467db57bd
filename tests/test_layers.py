"""Imports point one way: models and lake lean on nothing of ours, pipeline on both, loaders on lake."""

from pathlib import Path

import pytest

from tests.layers import RULES, faults_of


@pytest.mark.parametrize("package", RULES)
def test_the_package_keeps_to_its_layer(package: str, repository: Path) -> None:
    paths = sorted((repository / package).rglob("*.py"))
    assert paths, f"{package} holds no Python: nothing was checked"
    faults: list[str] = []
    for path in paths:
        faults += faults_of(package, path.relative_to(repository), path.read_text())
    assert not faults, "\n".join(faults)


def test_every_package_of_the_project_has_a_rule(repository: Path) -> None:
    packages = {path.parent.name for path in repository.glob("*/__init__.py")} - {"tests"}
    assert packages == set(RULES)


@pytest.mark.parametrize(
    ("package", "source", "said"),
    [
        ("models", "x = 1\nimport lake.read", "f.py:2: imports lake.read; models may import nothing of ours"),
        ("models", "from lightning import Trainer", "f.py:1: imports lightning; a network knows no trainer"),
        ("models", "from pathlib import Path", "f.py:1: imports pathlib; a network knows no trainer"),
        ("models", "def f():\n    return open('x')", "f.py:2: opens a file; a network knows no trainer"),
        ("lake", "from models.vgae import Vgae", "f.py:1: imports models.vgae; lake may import nothing of ours"),
        ("lake", "def f():\n    import torch", "f.py:2: imports torch; the lake is read where there is no torch"),
        ("pipeline", "import loaders.build", "f.py:1: imports loaders.build; pipeline may import lake, models"),
        ("pipeline", "from tests.layers import RULES", "f.py:1: imports tests.layers; pipeline may import"),
        ("loaders", "import pipeline", "f.py:1: imports pipeline; loaders may import lake"),
        ("loaders", "import torch_geometric.nn as g", "f.py:1: imports torch_geometric.nn; the site is built"),
        ("loaders", "m = importlib.import_module('pipeline.runs')", "f.py:1: imports pipeline.runs; loaders may"),
    ],
)
def test_a_violation_is_caught_with_file_line_and_rule(package: str, source: str, said: str) -> None:
    (fault,) = faults_of(package, Path("f.py"), source)
    assert fault.startswith(said)


@pytest.mark.parametrize(
    ("package", "source"),
    [
        ("models", "import torch\nfrom torch import nn\nfrom models.config import GatConfig\nfrom . import gat"),
        ("lake", "import duckdb\nfrom lake.schema import TABLES"),
        ("pipeline", "import torch\nfrom models.build import build_model\nfrom lake.append import append"),
        ("loaders", "import pyarrow as pa\nfrom lake.read import query"),
    ],
)
def test_what_is_allowed_passes(package: str, source: str) -> None:
    assert faults_of(package, Path("f.py"), source) == []

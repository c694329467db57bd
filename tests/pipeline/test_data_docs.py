"""docs/data.md says what the code does."""

import re

from pipeline.config import SplitConfig, WindowConfig
from pipeline.data_catalogue import load_catalogue
from pipeline.graphs import EDGE_FEATURES, NODE_FEATURES
from pipeline.splits import PLACES
from tests.pipeline.captures import REPOSITORY

TEXT = (REPOSITORY / "docs" / "data.md").read_text()


def named(heading: str) -> list[str]:
    """First cells of the table under `| heading |`, back quotes taken away."""
    table = TEXT.split(f"| {heading} |", 1)[1].split("\n\n", 1)[0]
    return [row.split("|")[1].strip() for row in table.splitlines()[2:]]


def test_every_feature_is_documented_in_column_order() -> None:
    node = [name.replace("`", "") for name in named("node feature")]
    assert node[0] == "byte_mean_0 … byte_mean_7"
    assert (*(f"byte_mean_{i}" for i in range(8)), *node[1:]) == NODE_FEATURES
    assert tuple(name.strip("`") for name in named("edge feature")) == EDGE_FEATURES


def test_every_dataset_and_every_place_is_documented() -> None:
    assert [name.strip("`") for name in named("name")] == list(load_catalogue())
    assert {name.strip("`") for name in named("place")} == set(PLACES)


def test_defaults_and_keys_are_those_of_the_config() -> None:
    window = WindowConfig()
    assert f"`window.size` frames ({window.size})" in TEXT
    assert f"every `window.stride` frames ({window.stride})" in " ".join(TEXT.split())
    keys = set(re.findall(r"`split\.(\w+)`", TEXT))
    assert keys == set(SplitConfig.model_fields)

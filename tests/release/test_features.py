from pipeline import graphs
from pipeline.config import HabitConfig, WindowConfig
from pipeline.release.features import EDGE_MEANING, NODE_MEANING, SHORTEST_MS, describe_features
from pipeline.release.onnx import INPUTS, OUTPUTS


def test_every_feature_that_is_built_is_explained_in_its_order() -> None:
    assert tuple(NODE_MEANING) == graphs.NODE_FEATURES
    assert tuple(EDGE_MEANING) == graphs.EDGE_FEATURES
    assert graphs._SHORTEST_MS == SHORTEST_MS


def test_the_description_names_what_the_graph_takes_and_gives() -> None:
    thresholds = {"known vehicle": 0.25, "zero-shot": 0.75}
    described = describe_features(WindowConfig(size=50, stride=25), HabitConfig(warm_up_s=3.0), thresholds)
    assert tuple(one["name"] for one in described["inputs"]) == INPUTS
    assert tuple(one["name"] for one in described["outputs"]) == OUTPUTS
    assert described["window"]["frames"] == 50
    assert described["alarm"] == {"output": "score", "above": thresholds}
    assert described["habit"]["settings"] == HabitConfig(warm_up_s=3.0).model_dump()

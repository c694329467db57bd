"""The distilled students together: at most 60,000 parameters with the vocabulary of a car of 400 IDs."""

from models.build import Inputs, build_model, count_parameters
from pipeline.config import FusionConfig, GatPair, VgaePair
from pipeline.graphs import EDGE_FEATURES, NODE_FEATURES


def test_the_students_fit_into_60_000_parameters() -> None:
    inputs = Inputs(400, len(NODE_FEATURES), len(EDGE_FEATURES))
    shapes = {"vgae": VgaePair().student, "gat": GatPair().student, "fusion": FusionConfig().shape}
    counts = {model: count_parameters(build_model(model, shape, inputs)) for model, shape in shapes.items()}
    assert sum(counts.values()) <= 60_000, counts
    teachers = {"vgae": VgaePair().teacher, "gat": GatPair().teacher}
    for model, shape in teachers.items():
        assert count_parameters(build_model(model, shape, inputs)) > 2 * counts[model], "a student is smaller"

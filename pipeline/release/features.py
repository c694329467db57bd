"""What whoever feeds the released graph must know of its inputs: names, order, meaning, unit."""

from typing import Any

from pipeline.graphs import EDGE_FEATURES, NODE_FEATURES
from pipeline.release.onnx import INPUTS, OUTPUTS

# A test compares the names with those that the pipeline builds.
NODE_MEANING = {
    **{f"byte_mean_{i}": f"mean of payload byte {i} over the ID's frames / 255" for i in range(8)},
    "frame_share": "the ID's frames / the window's frames",
    "last_position": "position of the ID's last frame in the window, 0 for the first frame to 1 for the last",
    "iat_mean_log10_ms": "log10 of the mean time between the ID's frames, ms; of the window's span for one frame",
    "iat_min_log10_ms": "log10 of the shortest time between two of the ID's frames, ms; likewise",
    "hamming_mean": "bits that change from one payload of the ID to its next / 64, mean",
}
EDGE_MEANING = {
    "transition_share": "successions of this pair of IDs / all successions of the window",
    "gap_mean_log10_ms": "log10 of the mean time from the first ID's frame to the second's, ms",
}
SHORTEST_MS = 1e-3
INPUT_MEANING = {
    "node_id": "int64 [nodes]: index of each node's arbitration ID in vocabulary.json, 0 for an unknown one",
    "x": "float32 [nodes, node features]: unscaled, in the order below; the graph scales them itself",
    "edge_index": "int64 [2, edges]: source and target node, counted over all graphs of the batch",
    "edge_attr": "float32 [edges, edge features]: unscaled, in the order below",
    "ptr": "int64 [graphs + 1]: graph g owns the nodes ptr[g] to ptr[g + 1] - 1",
}
OUTPUT_MEANING = {
    "score": "float32 [graphs], 0 to 1: the number that decides; an alarm where it lies above the threshold",
    "anomaly": "float32 [graphs], 0 to 1: how unlike benign training windows the VGAE finds it",
    "attack_probability": "float32 [graphs], 0 to 1: the GAT's probability of an attack",
    "gat_weight": "float32 [graphs], 0 to 1: the agent's weight of the GAT; the VGAE has the rest",
}


def describe_features(config: dict[str, Any], threshold: float) -> dict[str, Any]:
    """The content of features.json."""
    return {
        "window": {
            "frames": config["window"]["size"],
            "stride": config["window"]["stride"],
            "graph": "a node an arbitration ID of the window in rising order, a directed edge a pair of IDs that "
            "follow each other on the bus, self-edges kept",
        },
        "node_features": [{"name": name, "meaning": NODE_MEANING[name]} for name in NODE_FEATURES],
        "edge_features": [{"name": name, "meaning": EDGE_MEANING[name]} for name in EDGE_FEATURES],
        "shortest_time_ms": SHORTEST_MS,  # a shorter one, or a step backward, counts as this
        "inputs": [{"name": name, "meaning": INPUT_MEANING[name]} for name in INPUTS],
        "outputs": [{"name": name, "meaning": OUTPUT_MEANING[name]} for name in OUTPUTS],
        "alarm": {"output": "score", "above": threshold},
    }

"""What whoever feeds the released graph must know of its inputs: names, order, meaning, unit."""

from collections.abc import Mapping
from typing import Any

from pipeline.config import HabitConfig, WindowConfig
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
    "unseen_frames": "frames of an ID that the habit lacks",
    "early_frames": "frames that came before their time; one of a slow ID counts habit.slow_weight",
    "early_depth": "the earliest of them, periods before its time, 0 to 1.5",
    "over_frames": "frames above what the window's duration allows, or for IDs without a period the fullest window",
    "new_length_frames": "frames with a payload length never seen for the ID",
    "counter_breaks": "frames whose rolling counter does not follow that of the frame before",
    "gap_mean_log2": "log2 of the time since the ID's last frame / its period, mean over its frames",
    "gap_max_log2": "the largest absolute value of the same",
    "period_log10_ms": "log10 of the ID's period, ms; 0 for an ID without one",
    "is_periodic": "1 where the ID keeps its period",
    "hamming_above": "hamming_mean less its mean in the habit; 0 for a single frame",
    "new_bytes": "payload bytes with a value never seen there / 8, mean over the ID's frames",
    "habit_log10_s": "log10 of the seconds of traffic that the habit was learnt from",
}
EDGE_MEANING = {
    "transition_share": "successions of this pair of IDs / all successions of the window",
    "gap_mean_log10_ms": "log10 of the mean time from the first ID's frame to the second's, ms",
    "is_new": "1 where the habit knows both IDs but never saw the second right after the first",
}
SHORTEST_MS = 1e-3
INPUT_MEANING = {
    "node_id": "int64 [nodes]: index of each node's arbitration ID in vocabulary.json, 0 for an unknown one, and for "
    "every one on a vehicle without a habit in habits.npz",
    "x": "float32 [nodes, node features]: unscaled, in the order below; the graph scales them itself",
    "edge_index": "int64 [2, edges]: source and target node, counted over all graphs of the batch",
    "edge_attr": "float32 [edges, edge features]: unscaled, in the order below",
    "ptr": "int64 [graphs + 1]: graph g owns the nodes ptr[g] to ptr[g + 1] - 1",
}
OUTPUT_MEANING = {
    "score": "float32 [graphs], 0 to 1: the number that decides; an alarm where it lies above the protocol's threshold",
    "anomaly": "float32 [graphs], 0 to 1: how unlike benign training windows the VGAE finds it",
    "attack_probability": "float32 [graphs], 0 to 1: the GAT's score, 0.5 at its margin above benign windows",
    "habit_score": "float32 [graphs], 0 to 1: departures from the vehicle's habit, 0.5 at half a frame",
    "gat_weight": "float32 [graphs], 0 to 1: weight of the GAT; 0 where the fusion scores without weights",
    "habit_weight": "float32 [graphs], 0 to 1: weight of the habit, likewise; the VGAE has the rest of the two",
}


def describe_features(window: WindowConfig, habit: HabitConfig, thresholds: Mapping[str, float]) -> dict[str, Any]:
    """The content of features.json."""
    return {
        "window": {
            "frames": window.size,
            "stride": window.stride,
            "graph": "a node an arbitration ID of the window in rising order, a directed edge a pair of IDs that "
            "follow each other on the bus, self-edges kept",
        },
        "node_features": [{"name": name, "meaning": NODE_MEANING[name]} for name in NODE_FEATURES],
        "edge_features": [{"name": name, "meaning": EDGE_MEANING[name]} for name in EDGE_FEATURES],
        "shortest_time_ms": SHORTEST_MS,  # a shorter one, or a step backward, counts as this
        "inputs": [{"name": name, "meaning": INPUT_MEANING[name]} for name in INPUTS],
        "outputs": [{"name": name, "meaning": OUTPUT_MEANING[name]} for name in OUTPUTS],
        "habit": {"file": "habits.npz", "settings": habit.model_dump(), "read by": "pipeline.habits.load_habits"},
        "alarm": {"output": "score", "above": dict(thresholds)},
    }

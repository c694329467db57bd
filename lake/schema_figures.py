"""The tables behind the figures: what a picture shows, row by row, with the run that it shows.

A figure's rows are a sample of windows rather than all of them, drawn by the run that writes them.
"""

from functools import partial

from lake.table import Table, count, integer, real, share, text
from lake.version import SCHEMA_VERSION

_table = partial(Table, version=SCHEMA_VERSION, is_bulk=True)

_RUN_ID = text("run that wrote the row")
_MODEL_RUN_ID = text("run whose checkpoint was looked into; null where an import does not say", nullable=True)
_MODEL = text("network it shows: vgae, gat, fusion")
_CAPTURE = text("capture the window was cut from; null where an import does not say", nullable=True)
_WINDOW = count("window of the capture; of an import the number of the row")
_LABEL = count("1 where a frame of the window is an attack, else 0", nullable=True, high=1)

EMBEDDINGS = _table(
    name="embeddings",
    doc="Where a network puts a window, drawn in two dimensions.",
    key=("run_id", "model_run_id", "model", "capture", "window_index"),
    columns={
        "run_id": _RUN_ID,
        "model_run_id": _MODEL_RUN_ID,
        "model": _MODEL,
        "capture": _CAPTURE,
        "window_index": _WINDOW,
        "label": _LABEL,
        "attack": text("attack in the window, or 'benign'", nullable=True),
        "projection": text("how the dimensions became two: umap, pca"),
        "x": real("first dimension"),
        "y": real("second dimension"),
    },
)

ATTENTION = _table(
    name="attention",
    doc="Attention weights of a GAT: of an edge, or the mean over a window's edges where source and target are null.",
    key=("run_id", "model_run_id", "capture", "window_index", "layer", "head", "source", "target"),
    columns={
        "run_id": _RUN_ID,
        "model_run_id": _MODEL_RUN_ID,
        "capture": _CAPTURE,
        "window_index": _WINDOW,
        "label": _LABEL,
        "layer": count("0 for the first"),
        "head": count("0 for the first"),
        "source": count("arbitration ID the edge comes from", nullable=True),
        "target": count("arbitration ID the edge leads to", nullable=True),
        "weight": share("softmax over the edges into the target"),
    },
)

POLICY = _table(
    name="policy",
    doc="What the fusion's agent chose for a window.",
    key=("run_id", "model_run_id", "capture", "window_index"),
    columns={
        "run_id": _RUN_ID,
        "model_run_id": _MODEL_RUN_ID,
        "capture": _CAPTURE,
        "window_index": _WINDOW,
        "label": _LABEL,
        "action": count("index of the action", nullable=True),
        "weight": share("weight of the GAT against the VGAE"),
    },
)

RECONSTRUCTION_ERRORS = _table(
    name="reconstruction_errors",
    doc="How far a VGAE's reconstruction of a window is from the window.",
    key=("run_id", "model_run_id", "capture", "window_index", "component"),
    columns={
        "run_id": _RUN_ID,
        "model_run_id": _MODEL_RUN_ID,
        "capture": _CAPTURE,
        "window_index": _WINDOW,
        "label": _LABEL,
        "component": text("part of the error: total, nodes, ids, edges"),
        "error": real("error, in the unit of the loss", low=0),
    },
)

SIMILARITY = _table(
    name="similarity",
    doc="Linear CKA between layers of a student and its teacher (Kornblith et al., 2019).",
    key=("run_id", "model", "layer", "teacher_layer"),
    columns={
        "run_id": _RUN_ID,
        "model": _MODEL,
        "student_run_id": text("the student", nullable=True),
        "teacher_run_id": text("its teacher", nullable=True),
        "layer": integer("layer of the student, 1 for the first", low=1),
        "teacher_layer": integer("layer of the teacher, 1 for the first", low=1),
        "cka": share("1 where they say the same up to rotation and scale"),
    },
)

SAMPLE_GRAPHS = _table(
    name="sample_graphs",
    doc="Windows shown as graphs.",
    key=("run_id", "capture", "window_index"),
    columns={
        "run_id": _RUN_ID,
        "dataset": text("name in the catalogue"),
        "capture": _CAPTURE,
        "window_index": _WINDOW,
        "label": _LABEL,
        "attack": text("attack in the window, or 'benign'", nullable=True),
        "nodes": count("arbitration IDs in the window"),
        "edges": count("successions in the window"),
        "graph_json": text("nodes with their features, edges with theirs, as JSON"),
    },
)

FIGURE_TABLES = (EMBEDDINGS, ATTENTION, POLICY, RECONSTRUCTION_ERRORS, SIMILARITY, SAMPLE_GRAPHS)

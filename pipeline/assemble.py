"""The detector that is scored and released, put together from the checkpoints of its three networks."""

from collections.abc import Mapping

from models.detector import Detector
from models.fusion import Fusion
from models.gat import Gat
from models.vgae import Vgae
from pipeline.checkpoint import Checkpoint, CheckpointError
from pipeline.protocols import PROTOCOLS

EXPERTS = ("vgae_student", "gat_student")
PARTS = (*EXPERTS, "fusion")  # by the stage that trained each
_AS_REFERENCE = {"vgae_student": "vgae_teacher", "gat_student": "gat_teacher"}


def assemble(checkpoints: Mapping[str, Checkpoint]) -> Detector:
    """The networks of `PARTS` as one, ready to score.

    Raises:
        CheckpointError: one of them holds a network of another kind.
    """
    vgae, gat, fusion = (checkpoints[part].build() for part in PARTS)
    if isinstance(vgae, Vgae) and isinstance(gat, Gat) and isinstance(fusion, Fusion):
        return Detector(vgae, gat, fusion).eval()
    found = ", ".join(f"{part}: a {checkpoints[part].model} ({checkpoints[part].run_id})" for part in PARTS)
    raise CheckpointError(
        f"these checkpoints make no detector, which takes a VGAE, a GAT and a fusion of the two. They are {found}. "
        "Restore the one that is of another kind, or name another fusion run."
    )


def experts_of(parents: Mapping[str, str]) -> dict[str, str]:
    """The runs that a fusion weighs, by the part each takes: students, or in a reference fusion their teachers.

    Args:
        parents: the runs that the fusion was made from, by stage.

    Raises:
        CheckpointError: one is missing.
    """
    found = {part: parents.get(part) or parents.get(_AS_REFERENCE[part]) for part in EXPERTS}
    missing = [part for part, run_id in found.items() if run_id is None]
    if missing:
        raise CheckpointError(f"the fusion names no run of {' or '.join(missing)} among those it was made from.")
    return {part: run_id for part, run_id in found.items() if run_id is not None}


def thresholds_of(fusion: Checkpoint) -> dict[str, float]:
    """By protocol: a window raises an alarm where its score lies above. Set when the fusion was trained."""
    return dict(zip(PROTOCOLS, fusion.weights["thresholds"].double().tolist(), strict=True))

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


def thresholds_of(fusion: Checkpoint) -> dict[str, float]:
    """By protocol: a window raises an alarm where its score lies above. Set when the fusion was trained."""
    return dict(zip(PROTOCOLS, fusion.weights["thresholds"].double().tolist(), strict=True))

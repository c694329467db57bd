"""What is known to be wrong with the numbers of earlier runs: one table, looked up when a run is imported.

Each was found by recomputing from the records or by reading the code that made them (DQN-Fusion, February 2026).
"""

from collections.abc import Collection
from dataclasses import dataclass

KD_GAT_STORES = ("tracker", "reports", "folders")  # written by that one code
UNKNOWN = "none known: the source does not say how its numbers were made"
_TRAINED = ("vgae_teacher", "vgae_student", "gat_teacher", "gat_student", "fusion")


@dataclass(frozen=True)
class Defect:
    """A defect and the runs that have it.

    Attributes:
        stages: of the runs; none named means all.
        table: only runs with rows in this table.
        datasets: only runs on a dataset whose name begins so.
    """

    name: str
    text: str
    stores: tuple[str, ...] = KD_GAT_STORES
    stages: tuple[str, ...] = ()
    table: str | None = None
    datasets: str = ""

    def is_of(self, store: str, stage: str, dataset: str, tables: Collection[str]) -> bool:
        return (
            store in self.stores
            and (not self.stages or stage in self.stages)
            and (self.table is None or self.table in tables)
            and dataset.startswith(self.datasets)
        )


DEFECTS = (
    Defect(
        "validation-leak",
        "benign training files stand row for row in the attack training folder too (checked on hcrl_sa, set_01, set_03 "
        "and set_04), and windows were split at random afterwards: the same window can train and validate",
        stages=(*_TRAINED, "evaluate"),
    ),
    Defect(
        "vocabulary-leak",
        "the vocabulary holds IDs that training saw in fuzzing alone, so that unknown vehicles are nearly all alarms",
        stages=("evaluate",),
    ),
    Defect(
        "shared-captures",
        "sets share captures: a test file of one set_0x is a test or training file of another",
        stages=("evaluate",),
        datasets="set_0",
    ),
    Defect(
        "chunk-edges",
        "files were read 5,000 rows at a time, and the succession of IDs breaks at each edge",
        stages=(*_TRAINED, "evaluate"),
    ),
    Defect(
        "last-weights",
        "the weights of the last epoch were saved and evaluated, not the best ones (set_04 student GAT: best "
        "validation accuracy .985, reported .703)",
        stages=("vgae_teacher", "vgae_student", "gat_teacher", "gat_student", "evaluate"),
    ),
    Defect(
        "trained-on-attacks",
        "the VGAE was trained on benign and attack windows alike",
        stages=("vgae_teacher", "vgae_student"),
    ),
    Defect(
        "config-drift",
        "frozen configs of one pipeline disagree on the networks' sizes (GAT 64 × 5 or 48 × 3)",
        stages=_TRAINED,
        stores=("tracker",),
    ),
    Defect(
        "fusion-30000",
        "fusion was scored on the first 30,000 windows only, GAT and VGAE on all: the rows are not of the same samples",
        stages=("evaluate",),
        table="metrics",
    ),
    Defect(
        "alpha-as-class",
        "the fusion agent predicts by alpha > 0.5, not by the fused score, and its AUROC is alpha's",
        stages=("fusion", "evaluate"),
    ),
    Defect(
        "wrong-latent",
        "the VGAE's exported embedding is the neighbourhood decoder's output, not the latent",
        table="embeddings",
    ),
    Defect(
        "equal-heads",
        "mean attention is the same for every head (softmax sums to 1 a node, so it is nodes over edges)",
        table="attention",
    ),
    Defect(
        "no-policy-label",
        "alphas carry no label, and what was exported as the action's index is the sample's",
        table="policy",
    ),
    Defect(
        "thirty-ids",
        "the number of parameters was computed with a vocabulary of 30 IDs; the true one has up to 2,049",
        stores=("reports",),
        stages=_TRAINED[:4],
    ),
    Defect(
        "file-times",
        "start and end were taken from dates of files, of which some were copied later",
        stores=("reports",),
        stages=(*_TRAINED, "evaluate"),
    ),
    Defect(
        "sparse-curves",
        "training values were logged every 50 steps, so many epochs have none and some had two",
        table="epochs",
    ),
)  # fmt: skip


def defects_of(store: str, stage: str, dataset: str, tables: Collection[str]) -> str:
    """What `runs.defects` says of a run with rows in these tables: `name: sentence. name: sentence.`"""
    texts = [f"{one.name}: {one.text}." for one in DEFECTS if one.is_of(store, stage, dataset, tables)]
    return " ".join(texts) or UNKNOWN

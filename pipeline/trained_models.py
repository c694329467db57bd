"""The trained runs that an evaluation is given, each as something that scores a capture's windows."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lake.read import open_lake
from pipeline.assemble import assemble, experts_of, thresholds_of
from pipeline.baselines.files import load_baseline
from pipeline.baselines.offer import Baseline, Offer
from pipeline.config import AlarmConfig
from pipeline.context import StageContext
from pipeline.graph_set import GraphSet
from pipeline.handshake import TABLES, load_recorded
from pipeline.protocols import PROTOCOLS
from pipeline.scoring import Columns, Scorer, score_graphs, scorer_of
from pipeline.train_fusion import thresholds
from pipeline.training_graphs import chosen


@dataclass(frozen=True, eq=False)
class Model:
    """A trained run: how it scores, its threshold under each protocol, and what it says of validation windows.

    A protocol without a threshold is one that the model is not defined under.
    """

    run_id: str
    scorer: Scorer | Baseline
    thresholds: Mapping[str, float]
    validation_score: NDArray[np.float64]
    is_fusion: bool = False

    def columns(self, offer: Offer) -> Columns:
        """What it says of the windows asked for: a network by their graphs, a baseline by all of the offer."""
        if callable(self.scorer):
            return score_graphs(self.scorer, offer.graphs)
        return {"score": self.scorer.score(offer)}


def load_models(context: StageContext, graphs: GraphSet, alarm: AlarmConfig) -> list[Model]:
    """Networks and detectors by their checkpoints, then baselines; thresholds from benign validation windows."""
    with open_lake(context.journal.root, tables=TABLES) as lake:
        checkpoints = {
            folder.run_id: load_recorded(lake, folder)
            for label, folder in context.inputs.items()
            if label != "prepare" and not folder.baseline.exists()
        }
    validation = chosen(graphs.graphs, graphs.at("validation"))
    benign = np.isin(graphs.at("validation"), graphs.benign_at("validation"))
    models = []
    for run_id, checkpoint in checkpoints.items():
        is_fusion = checkpoint.model == "fusion"
        parts = {} if not is_fusion else {p: checkpoints[run] for p, run in experts_of(checkpoint.parents).items()}
        scorer = scorer_of(assemble({**parts, "fusion": checkpoint}) if is_fusion else checkpoint.build())
        score = score_graphs(scorer, validation)["score"]
        if is_fusion:  # set when it was trained, so that every use of the model has the same
            by_protocol = thresholds_of(checkpoint)
        else:
            found = thresholds(graphs, graphs.benign_at("validation"), score[benign], alarm)
            by_protocol = dict(zip(PROTOCOLS, found, strict=True))
        models.append(Model(run_id, scorer, by_protocol, score, is_fusion))
    return models + _baselines(context, graphs)


def _baselines(context: StageContext, graphs: GraphSet) -> list[Model]:
    folders = [folder for folder in context.inputs.values() if folder.baseline.exists()]
    kept = {folder.run_id: load_baseline(folder.baseline, graphs.data_digest) for folder in folders}
    return [Model(run_id, one.baseline, one.baseline.thresholds, one.validation_score) for run_id, one in kept.items()]

"""Metrics of scored windows: arithmetic only."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, matthews_corrcoef, roc_auc_score


def threshold_at(benign_scores: NDArray[np.float64], quantile: float) -> float:
    """The smallest score that at most `1 - quantile` of the benign windows exceed; an alarm lies above it.

    Args:
        benign_scores: [N] scores of benign validation windows, never of test windows.
    """
    return float(np.quantile(benign_scores, quantile, method="higher"))


def window_metrics(
    is_attack: NDArray[np.bool_], score: NDArray[np.float64], threshold: float
) -> Mapping[str, float | None]:
    """Metrics over [N] windows; None where not applicable, as recall without an attack window."""
    alarm = score > threshold
    hits = int((alarm & is_attack).sum())
    false_alarms = int((alarm & ~is_attack).sum())
    attacks = int(is_attack.sum())
    benign = len(is_attack) - attacks
    both = attacks > 0 and benign > 0
    return {
        "f1": _ratio(2 * hits, attacks + hits + false_alarms) if attacks else None,
        "precision": _ratio(hits, hits + false_alarms) if attacks else None,
        "recall": _ratio(hits, attacks),
        "fpr": _ratio(false_alarms, benign),
        "accuracy": _ratio(hits + benign - false_alarms, len(is_attack)),
        "mcc": float(matthews_corrcoef(is_attack, alarm)) if both else None,
        "auroc": float(roc_auc_score(is_attack, score)) if both else None,
        # its sum of steps can end at 1.0000000000000002, which no proportion is
        "auprc": min(float(average_precision_score(is_attack, score)), 1.0) if both else None,
        "base_rate": _ratio(attacks, len(is_attack)),
    }


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None

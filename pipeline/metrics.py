"""Metrics of scored windows: arithmetic only."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, matthews_corrcoef, roc_auc_score

from pipeline.calibration import brier_score, calibration_error


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
        "recall_at_fpr_1e-2": recall_at_one_in(100, is_attack, score),
        "recall_at_fpr_1e-3": recall_at_one_in(1000, is_attack, score),
        "ece": calibration_error(is_attack, score),
        "brier": brier_score(is_attack, score),
        "base_rate": _ratio(attacks, len(is_attack)),
    }


def recall_at_one_in(
    benign_a_false_alarm: int, is_attack: NDArray[np.bool_], score: NDArray[np.float64]
) -> float | None:
    """The largest recall of any threshold with at most one false alarm in that many benign windows.

    The threshold is chosen on these very windows: it says how well they can be told apart, not how a threshold
    set beforehand fares. None without an attack window, or with fewer benign windows than
    `benign_a_false_alarm`, which could not tell such a rate from none at all.
    """
    attacks, benign = score[is_attack], np.sort(score[~is_attack])
    if len(attacks) == 0 or len(benign) < benign_a_false_alarm:
        return None
    allowed = len(benign) // benign_a_false_alarm
    threshold = benign[len(benign) - 1 - allowed] if allowed < len(benign) else -np.inf
    return float((attacks > threshold).mean())


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None

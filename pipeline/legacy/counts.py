"""How many attack windows an evaluation had, from the rates it recorded: earlier runs kept only all windows."""

from collections.abc import Mapping

_NEARLY = 0.02  # a count that is whole but for rounding


def attack_windows(n: int, values: Mapping[str, float | None]) -> int | None:
    """Solves accuracy = recall·p + (1 − fpr)·(1 − p), or precision, for p; None where they leave it open.

    A model that is always right fits any p.
    """
    accuracy, recall, fpr = (values.get(name) for name in ("accuracy", "recall", "fpr"))
    if accuracy is None or recall is None or fpr is None:
        return None
    gain = recall + fpr - 1  # recall less specificity
    if abs(gain) > 1e-9:
        return _whole((accuracy - (1 - fpr)) / gain * n, n)
    precision = values.get("precision")
    weight = None if precision is None else recall - precision * recall + precision * fpr
    if precision is None or weight is None or abs(weight) < 1e-9:
        return None
    return _whole(precision * fpr / weight * n, n)


def _whole(value: float, n: int) -> int | None:
    nearest = round(value)
    return nearest if abs(value - nearest) < _NEARLY and 0 <= nearest <= n else None

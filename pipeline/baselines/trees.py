"""Gradient-boosted trees as plain arrays: fitted by scikit-learn, applied without it, so nothing is unpickled."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

_ROUNDS, _LEAVES, _RATE, _L2, _SMALLEST_LEAF = 100, 15, 0.1, 1.0, 30


@dataclass(frozen=True, eq=False)
class Trees:
    """`T` binary trees of up to `M` nodes each; node 0 is the root.

    Attributes:
        base: what all trees' values are added to.
        value: [T, M] of a leaf.
        feature, threshold: [T, M] a row goes left where its feature is not above the threshold.
        left, right: [T, M] children; a leaf is its own child.
        depth: of the deepest tree.
    """

    base: float
    value: NDArray[np.float64]
    feature: NDArray[np.int64]
    threshold: NDArray[np.float64]
    left: NDArray[np.int64]
    right: NDArray[np.int64]
    depth: int

    def margin(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """[R] log odds of an attack."""
        total = np.full(len(rows), self.base)
        every = np.arange(len(rows))
        for tree in range(len(self.value)):
            node = np.zeros(len(rows), dtype=np.int64)
            for _ in range(self.depth):
                goes_left = rows[every, self.feature[tree][node]] <= self.threshold[tree][node]
                node = np.where(goes_left, self.left[tree][node], self.right[tree][node])
            total += self.value[tree][node]
        return total

    def arrays(self) -> dict[str, NDArray[Any]]:
        return {field.name: np.asarray(getattr(self, field.name)) for field in fields(self)}

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[Any]]) -> "Trees":
        """Raises KeyError where an array is missing, ValueError where they do not fit together."""
        tables = {field.name: arrays[field.name] for field in fields(cls) if field.name not in ("base", "depth")}
        trees = cls(base=float(arrays["base"]), depth=int(arrays["depth"]), **tables)
        if len({array.shape for array in (trees.value, trees.feature, trees.threshold, trees.left, trees.right)}) > 1:
            raise ValueError("the arrays of the trees have different sizes")
        return trees


def fit_trees(rows: NDArray[np.float64], is_attack: NDArray[np.bool_]) -> Trees:
    """Trees on finite rows; classes weigh alike, whatever their numbers. One class alone gives a constant."""
    if is_attack.all() or not is_attack.any():
        leaf = np.zeros((1, 1))
        at = np.zeros((1, 1), dtype=np.int64)
        return Trees(1.0 if is_attack.all() else -1.0, leaf, at, leaf, at, at, 0)
    from sklearn.ensemble import HistGradientBoostingClassifier

    fitted = HistGradientBoostingClassifier(
        max_iter=_ROUNDS, max_leaf_nodes=_LEAVES, learning_rate=_RATE, l2_regularization=_L2,
        min_samples_leaf=_SMALLEST_LEAF, class_weight="balanced", early_stopping=False, random_state=0,
    ).fit(rows, is_attack)  # fmt: skip
    return _arrays_of(fitted)


def _arrays_of(fitted: Any) -> Trees:
    """scikit-learn has no public way to a tree's nodes; a test holds these arrays against its own prediction."""
    nodes = [one.nodes for (one,) in fitted._predictors]
    size = max(map(len, nodes))
    value, threshold = np.zeros((len(nodes), size)), np.zeros((len(nodes), size))
    feature, left, right = (np.zeros((len(nodes), size), dtype=np.int64) for _ in range(3))
    for tree, own in enumerate(nodes):
        count, leaf, itself = len(own), own["is_leaf"].astype(bool), np.arange(len(own))
        value[tree, :count] = np.where(leaf, own["value"], 0.0)
        feature[tree, :count] = np.where(leaf, 0, own["feature_idx"])
        threshold[tree, :count] = np.where(leaf, 0.0, own["num_threshold"])
        left[tree, :count] = np.where(leaf, itself, own["left"])
        right[tree, :count] = np.where(leaf, itself, own["right"])
    depth = max(int(own["depth"].max()) for own in nodes)
    return Trees(float(fitted._baseline_prediction.item()), value, feature, threshold, left, right, depth)

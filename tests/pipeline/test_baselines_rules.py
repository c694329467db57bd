"""Each rule on windows made by hand: what it counts, what it leaves alone, and that labels never reach it."""

from dataclasses import replace

import numpy as np
import pytest

from pipeline.baselines.folds import Piece, folds
from pipeline.baselines.past import early_by_running_median, is_first, new_bigrams, new_flips, new_values
from pipeline.baselines.past_rules import past_rules_score
from pipeline.baselines.period_rules import find_hits, fit_prefix_rules, fit_rules
from pipeline.baselines.period_table import MIN_GAPS, fit_periods
from pipeline.baselines.traffic import Traffic
from pipeline.baselines.trees import Trees, fit_trees
from pipeline.baselines.window_features import WINDOW_FEATURES, window_features
from pipeline.baselines.zscore import N_WINDOW, fit_zscore
from pipeline.can_log import CanLog
from pipeline.config import WindowConfig
from tests.pipeline.captures import BENIGN, FLOOD, made_up, recorded

TEN = WindowConfig(size=10, stride=10)
TWO_IDS = [0x10, 0x20] * 200  # each every 2 ms


def whole(log: CanLog, window: WindowConfig = TEN) -> list[Piece]:
    traffic = Traffic.of(log, window)
    return [Piece(traffic, 0, len(log))]


def inserted(log: CanLog, at: int, arbitration_id: int, **changes: int) -> CanLog:
    """One more frame right behind frame `at`, half a gap later, with the payload of frame `at`."""
    columns = {
        "timestamp_s": log.timestamp_s[at] + 5e-4, "arbitration_id": arbitration_id, "dlc": 8,
        "payload": log.payload[at], "is_attack": True, **changes,
    }  # fmt: skip
    return replace(
        log, **{name: np.insert(getattr(log, name), at + 1, value, axis=0) for name, value in columns.items()}
    )


@pytest.fixture(scope="module")
def benign() -> CanLog:
    return made_up(TWO_IDS)


def hits_of(benign: CanLog, log: CanLog):
    return find_hits(fit_periods(whole(benign), MIN_GAPS), Traffic.of(log, TEN))


def test_regular_traffic_has_no_hit(benign: CanLog) -> None:
    hits = hits_of(benign, benign)
    assert not hits.score().any()
    assert not hits.frozen.any()


def test_an_unseen_id_counts_each_of_its_frames(benign: CanLog) -> None:
    hits = hits_of(benign, inserted(inserted(benign, 40, 0x99), 43, 0x99))
    assert (hits.unseen_ids[4], hits.unseen_frames[4]) == (1, 2)
    assert hits.score()[4] == 2.0
    assert hits.score(free_ids=1)[4] == 1.0, "the first unseen ID of a window is free, its further frames are not"
    assert not hits.unseen_frames[[*range(4), *range(5, 40)]].any()


def test_an_injected_frame_of_a_known_id_is_early_once(benign: CanLog) -> None:
    """Known ID 0x10 comes every 2 ms; a third frame .5 ms after one of them is 1.25 periods behind the last but one."""
    hits = hits_of(benign, inserted(benign, 42, 0x10))
    assert hits.early[4] == 2  # the injected frame, and the next legitimate one, which is as near
    assert hits.depth[4] == pytest.approx(1.5 - 2 / 2, abs=1e-6)  # that next one: two intervals in one period


def test_jitter_alone_is_not_early(benign: CanLog) -> None:
    times = benign.timestamp_s.copy()
    times[42] += 7e-4  # one frame late: the gap behind it is short, the pair is not
    assert not hits_of(benign, replace(benign, timestamp_s=times)).early.any()


def test_a_length_never_seen_counts(benign: CanLog) -> None:
    dlc = benign.dlc.copy()
    dlc[55] = 3
    hits = hits_of(benign, replace(benign, dlc=dlc))
    assert hits.length.tolist() == [0] * 5 + [1] + [0] * 34


def test_more_frames_than_the_time_allows_count(benign: CanLog) -> None:
    ids = benign.arbitration_id.copy()
    ids[100:110] = 0x10  # ten in the time of 9 ms, in which 4.5 + 1.5 are allowed
    assert hits_of(benign, replace(benign, arbitration_id=ids)).over_periodic[10] == pytest.approx(10 - (9 / 2 + 1.5))


def test_an_id_without_a_period_may_come_as_often_as_it_did_and_once_more() -> None:
    spread = np.cumsum(np.where(np.arange(400) % 7 == 0, 0.05, 0.001))
    benign = made_up([0x10] * 5 + [0x20] * 5 + [0x10, 0x20] * 195, spread)
    table = fit_periods(whole(benign), MIN_GAPS)
    assert not table.is_periodic.any()
    flood = made_up([0x10] * 20, np.arange(20.0))
    assert find_hits(table, Traffic.of(flood, TEN)).over_other.tolist() == [10 - 5 - 1] * 2


def test_a_payload_that_stands_still_is_frozen_only_where_it_never_did(benign: CanLog) -> None:
    payload = benign.payload.copy()
    payload[60:100:2] = payload[60]  # ID 0x10, windows 6 … 9
    hits = hits_of(benign, replace(benign, payload=payload))
    assert hits.frozen[6:10].tolist() == [4, 5, 5, 5]
    often = benign.payload.copy()
    often[::2] = often[0]
    still = replace(benign, payload=often)
    assert not hits_of(still, still).frozen.any(), "an ID that always repeats is not frozen"


def test_the_threshold_of_clean_traffic_is_one_event(benign: CanLog) -> None:
    rules = fit_rules(whole(benign))
    assert (rules.threshold, rules.threshold_frozen, rules.free_frozen) == (0.5, 0.5, 0.0)


def test_a_prefix_never_sets_a_line_above_two() -> None:
    rng = np.random.default_rng(0)
    restless = made_up(rng.integers(0, 200, 400))
    assert fit_prefix_rules(Traffic.of(restless, TEN)).threshold == 2.0


def test_a_prefix_shorter_than_a_window_still_has_rules() -> None:
    rules = fit_prefix_rules(Traffic.of(made_up([1, 2, 3]), TEN))
    assert rules.threshold == 0.5


def test_folds_score_every_window_once_and_fit_on_the_rest(benign: CanLog) -> None:
    scored = []
    for fitted, held_out in folds(whole(benign)):
        for piece in held_out:
            scored += list(range(piece.start, piece.stop))
            assert not any(one.start < piece.stop and piece.start < one.stop for one in fitted)
    assert scored == list(range(400))


def test_no_label_reaches_a_baseline() -> None:
    log = recorded(FLOOD)
    assert log.is_attack.any()
    assert not Traffic.of(log, TEN).log.is_attack.any()


def test_early_by_the_running_median_waits_for_four_gaps() -> None:
    times = [0.0, 2, 4, 6, 7, 8, 10, 12, 13, 14, 16]
    early, depth = early_by_running_median(Traffic.of(made_up([7] * len(times), times), TEN))
    # frame 4 follows three gaps only; frame 5 four, of which the median is 2: its two intervals take one median
    assert np.flatnonzero(early).tolist() == [5, 9]
    assert depth[[5, 9]].tolist() == [0.5, 0.5]


def test_rules_over_the_past_are_muted_for_two_seconds_and_spare_one_new_id() -> None:
    ids = np.where(np.arange(600) % 10 < 5, 1, 2)
    ids[[5, 405, 505, 507]] = [50, 51, 52, 53]
    score = past_rules_score(Traffic.of(made_up(ids, np.arange(600) * 0.01), TEN))
    runs = 0.25 * (8 - 2)  # eight self-transitions in each plain window
    assert not score[:20].any()
    assert score[30] == pytest.approx(runs)
    assert score[40] <= runs, "one new ID is free"
    assert score[50] >= 1.0


@pytest.mark.parametrize("n_keys", [10, 2**25])
def test_first_occurrences(n_keys: int) -> None:
    assert is_first(np.array([3, 1, 3, 2, 1, 9]), n_keys).tolist() == [True, True, False, True, False, True]


def test_what_is_new_in_a_capture() -> None:
    payload = np.zeros((5, 8), np.uint8)
    payload[2, 0], payload[3, 0], payload[4, 1] = 1, 1, 2
    traffic = Traffic.of(made_up([1, 2, 1, 2, 1], payload=payload), TEN)
    assert new_bigrams(traffic).tolist() == [False, True, True, False, False]
    assert new_values(traffic).tolist() == [0, 0, 1, 1, 1]
    assert new_flips(traffic).tolist() == [0, 0, 0, 0, 1]  # frame 4: byte 0 flips back, byte 1's bit is new


def test_window_features_of_a_window_made_by_hand() -> None:
    payload = np.zeros((10, 8), np.uint8)
    payload[9] = 255
    log = made_up([5, 5, 5, 6, 6, 0, 7, 7, 7, 7], payload=payload)
    (row,) = window_features(Traffic.of(log, TEN))
    found = dict(zip(WINDOW_FEATURES, row.tolist(), strict=True))
    assert len(row) == len(WINDOW_FEATURES) == 25
    assert (found["id_count"], found["top_share"], found["second_share"]) == (4, 0.4, 0.3)
    assert (found["self_transitions"], found["longest_run"]) == (6, 4)
    assert (found["zero_payloads"], found["ones_payloads"]) == (9, 1)
    assert (found["hamming_max"], found["equal_share"]) == (64, 5 / 6)
    assert (found["lowest_id_share"], found["id_zero_frames"]) == (0.1, 1)
    assert found["gap_variation"] == pytest.approx(0, abs=1e-9)


def test_trees_as_arrays_say_what_scikit_learn_says() -> None:
    from sklearn.ensemble import HistGradientBoostingClassifier

    traffic = Traffic.of(recorded(FLOOD), WindowConfig())
    rows = window_features(traffic)
    is_attack = recorded(FLOOD).is_attack[: len(rows) * 100].reshape(-1, 100).any(axis=1)
    trees = fit_trees(rows, is_attack)
    again = Trees.of(trees.arrays())
    theirs = HistGradientBoostingClassifier(
        max_iter=100, max_leaf_nodes=15, learning_rate=0.1, l2_regularization=1, min_samples_leaf=30,
        class_weight="balanced", early_stopping=False, random_state=0,
    ).fit(rows, is_attack)  # fmt: skip
    unseen = np.random.default_rng(1).normal(rows.mean(axis=0), rows.std(axis=0) * 2, (500, rows.shape[1]))
    for data in (rows, unseen):
        assert np.abs(again.margin(data) - theirs.decision_function(data)).max() < 1e-9


@pytest.mark.parametrize("label", [False, True])
def test_trees_of_one_class_say_it_always(label: bool) -> None:
    trees = fit_trees(np.zeros((50, 3)), np.full(50, label))
    assert ((trees.margin(np.ones((4, 3))) > 0) == label).all()


def test_trees_whose_arrays_do_not_fit_are_refused() -> None:
    arrays = fit_trees(np.zeros((50, 3)), np.zeros(50, bool)).arrays()
    with pytest.raises(ValueError, match="different sizes"):
        Trees.of({**arrays, "left": np.zeros((2, 2), np.int64)})


def test_the_z_score_ranks_a_flood_and_has_36_statistics() -> None:
    window = WindowConfig()
    detector = fit_zscore(whole(recorded(BENIGN), window))
    flood = Traffic.of(recorded(FLOOD), window)
    is_attack = recorded(FLOOD).is_attack[: len(flood) * 100].reshape(-1, 100).any(axis=1)
    assert detector.statistics(flood).shape == (len(flood), 36)
    assert N_WINDOW == 36
    score = detector.score(flood)
    assert score[is_attack].min() > np.quantile(score[~is_attack], 0.99)

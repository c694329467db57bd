"""Every baseline by the name that configs and the lake use."""

from collections.abc import Mapping

from pipeline.baselines.gbdt import GBDT_PAST, GBDT_WINDOW
from pipeline.baselines.gbdt_table import GBDT
from pipeline.baselines.habit_alone import HABIT
from pipeline.baselines.offer import Method
from pipeline.baselines.plain import ALWAYS, MAJORITY, PAST_RULES
from pipeline.baselines.vehicle_rules import FROZEN_RULES, PERIOD_RULES
from pipeline.baselines.zscore import ZSCORE

METHODS: Mapping[str, Method] = {
    "habit": HABIT,
    "period_rules": PERIOD_RULES,
    "frozen_rules": FROZEN_RULES,
    "past_rules": PAST_RULES,
    "zscore": ZSCORE,
    "gbdt": GBDT,
    "gbdt_window": GBDT_WINDOW,
    "gbdt_past": GBDT_PAST,
    "always": ALWAYS,
    "majority": MAJORITY,
}

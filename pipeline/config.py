"""The frozen types of an experiment, with the defaults and the ranges of every value."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from models.config import Config, FusionShape, GatShape, Share, VgaeShape

Percentile = Annotated[float, Field(ge=0, lt=100)]
Quantile = Annotated[float, Field(gt=0.5, lt=1)]
Seed = Annotated[int, Field(ge=0, le=2**32 - 1)]  # what numpy takes


class WindowConfig(Config):
    """A window is `size` frames; a new one begins every `stride` frames."""

    size: Annotated[int, Field(ge=2, le=1024)] = 100
    stride: PositiveInt = 100


class SplitConfig(Config):
    """Every `validation_every`-th block of `block_windows` validates; its neighbours are left out."""

    block_windows: PositiveInt = 50
    validation_every: Annotated[int, Field(ge=2)] = 5
    embargo_windows: Annotated[int, Field(ge=1)] = 2


class HabitConfig(Config):
    """What counts as a vehicle's habit, and what as a departure from it (docs/habit.md has the measurements)."""

    min_gaps: PositiveInt = 8  # inter-arrival times an ID needs before it can be called periodic
    min_gaps_prefix: PositiveInt = 3  # likewise where less than long_s seconds were recorded
    long_s: PositiveFloat = 30.0
    spread: PositiveFloat = 0.9  # natural log; a periodic ID's 1 % and 99 % gaps lie this close to the median
    early_gap: PositiveFloat = 0.9  # periods
    early_pair: PositiveFloat = 1.25  # periods; with an injected frame between them two frames lie 1 apart, without 2
    on_schedule: PositiveFloat = 0.12  # periods
    charge_frames: PositiveInt = 100  # a charge goes to an earlier frame in the same or the last stretch of this many
    early_every_s: PositiveFloat = 300.0  # a periodic ID may come early once, and once more in this time
    slow_period_s: PositiveFloat = 0.09  # IDs this slow also send when a value changes
    slow_weight: Share = 0.18  # what one early frame of such an ID counts: three in a window are an alarm
    quiet_s: Annotated[float, Field(ge=0)] = 1.0  # benign traffic this close to an attack is not learnt from
    enough_s: PositiveFloat = 20.0  # of a vehicle's other captures, for a training capture to be held against
    warm_up_s: PositiveFloat = 5.0  # of a capture of an unknown vehicle, taken as its habit
    untrusted_frames: PositiveInt = 2  # of an ID in the warm-up, before it counts as known
    untrusted_early: Share = 0.1  # share of an ID's warm-up frames that may come early and be forgiven


class VgaePair(Config):
    """Teacher and student shape of the VGAE."""

    teacher: VgaeShape = VgaeShape(hidden=(96, 64), heads=4, latent=48, id_width=16)
    student: VgaeShape = VgaeShape()


class GatPair(Config):
    """Teacher and student shape of the GAT."""

    teacher: GatShape = GatShape(hidden=32, layers=3, heads=4, id_width=16, readout=96)
    student: GatShape = GatShape()


class CurriculumConfig(Config):
    """Benign windows per attack grow linearly over the first epochs, and those the VGAE finds hard come first.

    Attributes:
        enabled: off by default; docs/training.md says what it brought.
        first_ratio, last_ratio: benign windows per attack window in epoch 0, and from epoch `epochs` on.
        first_percentile, last_percentile: benign windows less hard than this percentile are left out.
    """

    enabled: bool = False
    epochs: PositiveInt = 10
    first_ratio: PositiveFloat = 1.0
    last_ratio: PositiveFloat = 10.0
    first_percentile: Percentile = 75.0
    last_percentile: Percentile = 95.0


class ImbalanceConfig(Config):
    """What is done where attacks are rare; docs/training.md has the reasons.

    Attributes:
        attack_share: of the windows an epoch draws, at least this share is attacks, repeated where need be.
        largest_ratio: how many times a benign window's weight an attack window's may be.
        focal_gamma: of the focal loss (Lin et al. 2017); 0 is the plain cross-entropy.
        mining: how far a window's weight follows its own loss in the epoch before; 0 is not at all.
    """

    attack_share: Annotated[float, Field(ge=0, lt=1)] = 0.0
    largest_ratio: Annotated[float, Field(ge=1)] = 100.0
    focal_gamma: Annotated[float, Field(ge=0, le=10)] = 0.0
    mining: Share = 0.0


class TrainConfig(Config):
    """How the VGAE and the GAT are trained; `imbalance` and `curriculum` are the GAT's alone.

    Attributes:
        schedule: of the learning rate: constant, or a cosine down to a hundredth over the epochs.
        precision: of the networks' products; sums and losses are always float32. `auto` is bf16 on a GPU that
            has it and 32 elsewhere.
        id_dropout: the share of training windows whose IDs are all made unknown, as another car's would be.
    """

    epochs: PositiveInt = 20
    batch_size: PositiveInt = 128
    learning_rate: PositiveFloat = 2e-3
    schedule: Literal["constant", "cosine"] = "constant"
    weight_decay: Annotated[float, Field(ge=0)] = 1e-4
    gradient_clip: PositiveFloat = 1.0
    patience: PositiveInt = 10
    device: Literal["auto", "cpu", "cuda"] = "auto"
    precision: Literal["auto", "32", "bf16", "16"] = "auto"
    id_dropout: Share = 0.0
    imbalance: ImbalanceConfig = ImbalanceConfig()
    curriculum: CurriculumConfig = CurriculumConfig()

    @property
    def for_benign(self) -> "TrainConfig":
        """What matters where nothing is classified: the same without what is done about rare attacks."""
        return self.model_copy(update={"imbalance": ImbalanceConfig(), "curriculum": CurriculumConfig()})


class VgaeLossConfig(Config):
    """Weights beside the reconstruction error: ID and edge likelihood, KL term (Kipf and Welling 2016).

    Attributes:
        mask_share: the share of nodes whose ID and features are hidden while training, and to be rebuilt.
    """

    id_weight: Annotated[float, Field(ge=0)] = 0.1
    edge_weight: Annotated[float, Field(ge=0)] = 0.05
    kl_weight: Annotated[float, Field(ge=0)] = 0.01
    mask_share: Annotated[float, Field(ge=0, lt=1)] = 0.0


class DistillationConfig(Config):
    """`alpha` of the loss comes from the teacher, softened by `temperature` (Hinton et al. 2015).

    Attributes:
        embedding_weight: of the GAT student's distance to its teacher's embedding, through a linear
            projection (Romero et al. 2015); added to the rest.
    """

    enabled: bool = True
    alpha: Share = 0.7
    temperature: PositiveFloat = 4.0
    embedding_weight: Annotated[float, Field(ge=0)] = 0.0


class FusionConfig(Config):
    """A contextual bandit: one decision a window, so nothing follows and gamma is 0 by default.

    Attributes:
        of: the networks that are fused beside the habit; the teachers' fusion is what the students' is held against.
    """

    of: Literal["students", "teachers"] = "students"
    shape: FusionShape = FusionShape()
    epochs: PositiveInt = 20
    batch_size: PositiveInt = 256
    learning_rate: PositiveFloat = 1e-3
    gamma: Annotated[float, Field(ge=0, lt=1)] = 0.0
    epsilon_start: Share = 0.3
    epsilon_end: Share = 0.01
    replay: PositiveInt = 20_000
    target_every: PositiveInt = 50
    # VGAE, GAT, habit: of attack windows the share each is made not to see, as it may not see an attack it never met;
    # of benign ones of an unknown vehicle the share it is made to take for an attack
    blind: tuple[Share, Share, Share] = (0.5, 0.5, 0.03)
    deluded: tuple[Share, Share, Share] = (0.1, 0.5, 0.01)

    @property
    def role(self) -> str:
        return self.of.removesuffix("s")

    @property
    def experts(self) -> tuple[str, str]:
        """The stages whose networks it fuses, the VGAE's first."""
        return f"vgae_{self.role}", f"gat_{self.role}"


class AlarmConfig(Config):
    """An alarm lies above a threshold that lets benign validation windows raise `false_alarms_per_hour` events.

    `benign_quantile` is where the scores of VGAE and GAT are 0.5, so that a fusion can weigh them.
    """

    benign_quantile: Quantile = 0.995
    false_alarms_per_hour: Annotated[float, Field(ge=0)] = 10.0
    # A threshold goes no higher to keep the budget: one recording of an engine's start, all of whose IDs are new to a
    # warm-up, would else silence the detector everywhere. One whole departure from habit scores 0.75.
    highest_threshold: Share = 0.7
    calibrations_s: tuple[PositiveFloat, ...] = (5.0, 10.0, 20.0)  # prefixes that evaluation tries


BaselineMethod = Literal[
    "habit",
    "period_rules",
    "frozen_rules",
    "past_rules",
    "zscore",
    "gbdt",
    "gbdt_past",
    "gbdt_window",
    "always",
    "majority",
]


class BaselinesConfig(Config):
    """The simple methods that stand beside the networks (docs/baselines.md), each a run of its own."""

    methods: tuple[BaselineMethod, ...] = ("habit", "period_rules")


class TrackingConfig(Config):
    """W&B: `auto` is online where an account is known and offline elsewhere."""

    wandb: Literal["auto", "offline", "online", "off"] = "auto"
    project: str = "kd-gat"


class RunConfig(Config):
    """One experiment: everything that decides its numbers, and nothing of the machine."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=40)]
    dataset: str
    description: str = ""
    is_demo: bool = False
    seeds: Annotated[tuple[Seed, ...], Field(min_length=1)] = (42,)
    one_teacher: bool = False  # all students learn from the first seed's teachers
    repeat: Annotated[int, Field(ge=0)] = 0
    window: WindowConfig = WindowConfig()
    split: SplitConfig = SplitConfig()
    habit: HabitConfig = HabitConfig()
    vgae: VgaePair = VgaePair()
    gat: GatPair = GatPair()
    vgae_loss: VgaeLossConfig = VgaeLossConfig()
    train: TrainConfig = TrainConfig()
    distillation: DistillationConfig = DistillationConfig()
    fusion: FusionConfig = FusionConfig()
    alarm: AlarmConfig = AlarmConfig()
    baselines: BaselinesConfig = BaselinesConfig()
    tracking: TrackingConfig = TrackingConfig()
    # name -> dotted key -> value: the same experiment with these values, sharing every run they do not touch
    variants: Mapping[Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")], Mapping[str, Any]] = {}

    @model_validator(mode="after")
    def _embargo_covers_overlap(self) -> "RunConfig":
        if self.split.embargo_windows * self.window.stride < self.window.size:
            needed = -(-self.window.size // self.window.stride)
            raise ValueError(
                f"windows of {self.window.size} frames every {self.window.stride} overlap across an embargo of "
                f"{self.split.embargo_windows}; set split.embargo_windows to {needed} or more"
            )
        return self

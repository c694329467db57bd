"""Experiments: what is refused, in which words, and what decides a run's id."""

from pathlib import Path

import pytest

from pipeline.__main__ import main
from pipeline.config import RunConfig
from pipeline.config_file import load_config
from pipeline.data_catalogue import find_dataset
from pipeline.datasets import attack_of
from pipeline.errors import ConfigError
from pipeline.plan import plan
from pipeline.stages import STAGES, find_stage
from tests.pipeline.conftest import Place


def faults(place: Place, *overrides: str) -> str:
    with pytest.raises(ConfigError) as refused:
        place.config(*overrides)
    assert str(place.experiment) in str(refused.value)
    return str(refused.value)


UNKNOWN = {
    "epochs=3": "epochs: no such key. Keys: alarm, baselines, dataset,",
    "trian.epochs=3": "trian: no such key; did you mean 'train'?",
    "train.epoch=3": "train.epoch: no such key; did you mean 'epochs'?",
    "vgae.teacher.hiden=[3]": "vgae.teacher.hiden: no such key; did you mean 'hidden'?",
    "fusion.shape.step=3": "fusion.shape.step: no such key; did you mean 'steps'?",
    "tracking.key=secret": "tracking.key: no such key",
}
WRONG = {
    "train.epochs=0": "train.epochs: Input should be greater than 0 (given: 0)",
    "train.epochs=1.5": "train.epochs: Input should be a valid integer",
    "train.epochs=many": "train.epochs: Input should be a valid integer",
    "train.learning_rate=-1": "train.learning_rate: Input should be greater than 0",
    "train.learning_rate=nan": "train.learning_rate: Input should be",
    "train.learning_rate=inf": "train.learning_rate: Input should be a finite number",
    "train.weight_decay=inf": "train.weight_decay: Input should be a finite number",
    "distillation.temperature=inf": "distillation.temperature: Input should be a finite number",
    "train.device=tpu": "train.device: Input should be 'auto', 'cpu' or 'cuda'",
    "train=5": "train: Input should be",
    "window.size=1": "window.size: Input should be greater than or equal to 2",
    "window.size=1025": "window.size: Input should be less than or equal to 1024",
    "window.stride=0": "window.stride: Input should be greater than 0",
    "window.stride=49": "overlap across an embargo of 1; set split.embargo_windows to 3 or more",
    "distillation.alpha=1.1": "distillation.alpha: Input should be less than or equal to 1",
    "alarm.benign_quantile=1": "alarm.benign_quantile: Input should be less than 1",
    "fusion.gamma=1": "fusion.gamma: Input should be less than 1",
    "vgae.teacher.hidden=[]": "vgae.teacher.hidden: Tuple should have at least 1 item",
    "vgae.teacher.hidden=[0]": "vgae.teacher.hidden.0: Input should be greater than 0",
    "seeds=1": "seeds: Input should be a valid tuple",
    "seeds=[]": "seeds: Tuple should have at least 1 item",
    "seeds=[-1]": "seeds.0: Input should be greater than or equal to 0",
    "seeds=[4294967296]": "seeds.0: Input should be less than or equal to 4294967295",
    "name=../up": "name: String should match pattern",
    "is_demo=perhaps": "is_demo: Input should be a valid boolean",
}


@pytest.mark.parametrize("override", [*UNKNOWN, *WRONG])
def test_what_no_experiment_may_say_is_refused_with_its_place(place: Place, override: str) -> None:
    assert {**UNKNOWN, **WRONG}[override] in faults(place, override)


def test_every_fault_is_named_at_once(place: Place) -> None:
    said = faults(place, "train.epochs=0", "trian.x=1", "alarm.benign_quantile=2")
    assert "train.epochs:" in said
    assert "trian:" in said
    assert "alarm.benign_quantile:" in said


def test_an_override_below_a_value_is_said(place: Place) -> None:
    with pytest.raises(ConfigError, match=r"--set 'train.epochs.much=5': epochs is a value, not a section"):
        place.config("train.epochs.much=5")


@pytest.mark.parametrize("override", ["train.epochs", "=5", "train.epochs 5"])
def test_an_override_that_is_none_is_said_with_an_example(place: Place, override: str) -> None:
    with pytest.raises(ConfigError, match=r"is not KEY=VALUE. Example: --set train.epochs=5"):
        place.config(override)


def test_overrides_win_over_the_file_and_have_toml_types(place: Place) -> None:
    config = place.config(
        "train.epochs=5", "train.learning_rate=1e-4", "vgae.teacher.hidden=[3, 4]", "is_demo=false",
        "train.device=cpu", 'description="a = b"', "tracking={wandb = 'offline'}",
    )  # fmt: skip
    assert (config.train.epochs, config.train.learning_rate, config.train.batch_size) == (5, 1e-4, 32)
    assert config.vgae.teacher.hidden == (3, 4)
    assert (config.is_demo, config.train.device, config.description) == (False, "cpu", "a = b")
    assert config.tracking.wandb == "offline"


def test_a_config_cannot_be_changed(place: Place) -> None:
    config = place.config()
    with pytest.raises(ValueError, match="frozen"):
        config.train.epochs = 3  # type: ignore[misc]
    assert RunConfig.model_validate_json(config.model_dump_json()) == config


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"dataset = ", "is not valid TOML: "),
        (b"dataset = 'a'\ndataset = 'b'\n", "is not valid TOML: "),
        (b"\xff\xfe", "is not valid TOML: "),
        (b"", "dataset: Field required"),
        (b"dataset = 3", "dataset: Input should be a valid string"),
    ],
)
def test_a_file_that_is_no_experiment_is_refused(tmp_path: Path, text: bytes, words: str) -> None:
    (tmp_path / "mine.toml").write_bytes(text)
    with pytest.raises(ConfigError) as refused:
        load_config(str(tmp_path / "mine.toml"))
    assert words in str(refused.value)
    assert "mine.toml" in str(refused.value)


def test_unknown_names_come_with_the_nearest_and_the_list() -> None:
    with pytest.raises(
        ConfigError, match=r"no experiment is called 'sampel'; did you mean 'sample'\? Experiments: .*sample"
    ):
        load_config("sampel")
    with pytest.raises(ConfigError, match=r"no experiment is called 'nowhere.toml'. Experiments: .* path of a .toml"):
        load_config("nowhere.toml")
    with pytest.raises(
        ConfigError, match=r"no stage is called 'gat_techer'; did you mean 'gat_teacher'\? Stages: prep"
    ):
        find_stage("gat_techer")
    with pytest.raises(
        ConfigError, match=r"no dataset is called 'set_1'; did you mean 'set_01'\? Datasets: sample, set_01"
    ):
        find_dataset("set_1")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nowhere"], "train: no experiment is called 'nowhere'"),
        (["sample", "--set", "train.epoch=3"], "did you mean 'epochs'?"),
        (["sample", "--set", "dataset=smaple"], "did you mean 'sample'?"),
        (["sample", "--stage", "prepar"], "did you mean 'prepare'?"),
    ],
)
def test_commands_say_so_and_end_with_1(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", *arguments]) == 1
    printed = capsys.readouterr()
    assert words in printed.err
    assert printed.out == ""


@pytest.mark.parametrize(
    ("capture", "attack"),
    [
        ("train_01/attack-free-4", "benign"), ("train_01/accessory-1", "benign"), ("t/DoS-1", "DoS"),
        ("t/rpm-accessory-4", "rpm-accessory"), ("t/masquerade-untimed-4", "masquerade-untimed"),
    ],
)  # fmt: skip
def test_a_captures_name_says_its_attack(capture: str, attack: str) -> None:
    assert attack_of(capture) == attack


def ids(place: Place, *overrides: str) -> dict[str, str]:
    return {f"{run.stage.name}-{run.seed}": run.run_id for run in plan(place.config(*overrides), place.settings)}


# What changes, and the first stages whose runs it makes other ones; all that follows from them changes too.
REACH = {
    "window.size=90": {"prepare"},
    "split.block_windows=6": {"prepare"},
    "vgae.teacher.latent=7": {"vgae_teacher"},
    "vgae.student.latent=7": {"vgae_student"},
    "gat.teacher.hidden=9": {"gat_teacher"},
    "gat.student.hidden=9": {"gat_student"},
    "vgae_loss.kl_weight=0.5": {"vgae_teacher", "vgae_student"},
    "train.epochs=3": {"vgae_teacher", "gat_teacher"},
    "distillation.alpha=0.5": {"vgae_student", "gat_student"},
    "fusion.gamma=0.5": {"fusion"},
    "alarm.benign_quantile=0.9": {"vgae_teacher", "baseline", "evaluate"},
    "seeds=[8]": {"vgae_teacher", "gat_teacher"},
    "repeat=1": {"prepare"},
    "is_demo=false": {"prepare"},
    "description=other": set(),
    "tracking.wandb=offline": set(),
}


@pytest.mark.parametrize("override", REACH)
def test_a_run_has_another_id_exactly_where_something_it_depends_on_changed(place: Place, override: str) -> None:
    changed = set(REACH[override])
    for stage in STAGES:
        if changed & {*stage.needs, *stage.asks(place.config())}:
            changed.add(stage.name)
    before = {run.stage.name: run.run_id for run in plan(place.config(), place.settings)}
    after = {run.stage.name: run.run_id for run in plan(place.config(override), place.settings)}
    assert {name for name in before if before[name] != after[name]} == changed


def test_seeds_share_what_does_not_draw_and_differ_in_the_rest(place: Place) -> None:
    runs = plan(place.config("seeds=[1, 2]", 'baselines.methods=["habit", "always", "majority"]'), place.settings)
    seeded = [stage for stage in STAGES if stage.has_seed]
    assert len(runs) == 1 + 3 + 2 * len(seeded), "prepare, three baselines, and the rest once a seed"
    assert len({run.run_id for run in runs}) == len(runs)

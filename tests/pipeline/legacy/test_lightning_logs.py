"""Lightning's CSV logs: versions, blanks, hyperparameters, and what a cut-off line costs."""

import os
from pathlib import Path

import pytest

from pipeline.legacy.errors import MigrateError
from pipeline.legacy.found import Wishes
from tests.pipeline.legacy.stores import Importing, make_log, refusals

SAID = Wishes(dataset="set_01", stage="gat_teacher")
LINES = ["epoch,lr-Adam,step,train_loss,val_auc", "0,,49,0.5,", "0,,49,,0.75", "1,,99,0.25,", "1,0.003,99,,0.875"]


def test_a_log_becomes_curves_of_a_run_for_each_version(tmp_path: Path, importing: Importing) -> None:
    make_log(tmp_path / "lightning_logs/version_0", LINES)
    make_log(
        tmp_path / "lightning_logs/version_10",
        LINES[:3],
        "dataset: hcrl_ch\nstage: autoencoder\nscale: small\nseed: 7\n",
    )
    importing.execute(tmp_path / "lightning_logs", SAID)
    first = importing.run("legacy-lightning-lightning_logs.version_0")
    assert (first["dataset"], first["stage"], first["status"]) == ("set_01", "gat_teacher", "unknown")
    second = importing.run("legacy-lightning-lightning_logs.version_10")
    assert (second["dataset"], second["stage"], second["seed"]) == ("hcrl_ch", "vgae_student", 7)
    rows = importing.rows("SELECT epoch, split, metric, value FROM epochs WHERE run_id LIKE '%version_0' ORDER BY ALL")
    assert [tuple(row.values()) for row in rows] == [
        (0, "train", "loss", 0.5), (0, "validation", "auroc", 0.75), (1, "train", "loss", 0.25),
        (1, "train", "lr-Adam", 0.003), (1, "validation", "auroc", 0.875),
    ]  # fmt: skip


def test_a_run_that_does_not_say_its_stage_is_refused_with_the_way_out(tmp_path: Path, importing: Importing) -> None:
    folder = make_log(tmp_path / "version_0", LINES)
    assert refusals(importing.plan(folder)) == ["runs: version_0: it does not say its dataset; give --dataset"]
    lines = refusals(importing.plan(folder, Wishes(dataset="set_01")))
    assert lines == ["runs: version_0: it does not say its stage; give --stage"]


def test_a_number_of_no_split_is_refused_unless_the_split_is_said(tmp_path: Path, importing: Importing) -> None:
    folder = make_log(tmp_path / "version_0", ["epoch,step,f1", "0,1,0.5"])
    (line,) = refusals(importing.plan(folder, SAID))
    assert "say with --split" in line
    importing.execute(folder, Wishes(dataset="set_01", stage="gat_teacher", split="validation"))
    assert importing.rows("SELECT split, metric FROM epochs") == [{"split": "validation", "metric": "f1"}]


def test_a_last_line_without_an_end_is_refused(tmp_path: Path, importing: Importing) -> None:
    folder = make_log(tmp_path / "version_0", LINES[:2])
    (folder / "metrics.csv").write_text("\n".join(LINES[:4]))  # the last number could be 0.25 or 0.2599
    plan = importing.execute(folder, SAID)
    assert refusals(plan) == [
        "metrics.csv: version_0 last line: it is cut off, so its last number may be a part of one"
    ]
    assert importing.rows("SELECT count(*) AS n FROM epochs") == [{"n": 2}]


@pytest.mark.parametrize(
    ("cell", "said"),
    [("nan", "value is nan"), ("inf", "value is inf"), ("much", "value is 'much', no number"), ("1.5", "auroc is 1.5")],
)
def test_a_cell_that_is_no_such_number_is_refused(cell: str, said: str, tmp_path: Path, importing: Importing) -> None:
    folder = make_log(tmp_path / "version_0", ["epoch,step,val_auc,val_loss", f"0,1,{cell},0.5"])
    (line,) = refusals(importing.plan(folder, SAID))
    assert line.startswith(f"metrics.csv: version_0 line 2 val_auc: {said}")


def test_steps_stand_for_epochs_where_none_are_logged_and_the_run_says_so(tmp_path: Path, importing: Importing) -> None:
    folder = make_log(tmp_path / "version_0", ["step,val_loss", "50,0.5"])
    importing.execute(folder, SAID)
    assert importing.rows("SELECT epoch FROM epochs") == [{"epoch": 50}]
    assert "epoch is the logged step" in importing.run("legacy-lightning-version_0")["reason"]


def test_a_date_that_was_put_in_makes_no_other_run_of_a_copy(tmp_path: Path, importing: Importing) -> None:
    folder = make_log(tmp_path / "version_0", LINES)
    importing.execute(folder, SAID)
    os.utime(folder / "metrics.csv", (1_000_000_000, 1_000_000_000))
    assert importing.plan(folder, SAID).is_done
    (folder / "metrics.csv").write_text("\n".join([*LINES, "2,,149,,0.5"]) + "\n")
    (conflict,) = importing.plan(folder, SAID).conflicts
    assert "with other epochs" in conflict


def test_settings_with_tags_of_python_objects_are_kept_as_text(tmp_path: Path, importing: Importing) -> None:
    text = "cfg: !!python/object:os.PathLike {}\n"
    folder = make_log(tmp_path / "version_0", LINES, text)
    importing.execute(folder, SAID)
    assert "python/object" in importing.run("legacy-lightning-version_0")["config_json"]


def test_a_csv_that_is_no_log_is_refused(tmp_path: Path, importing: Importing) -> None:
    folder = make_log(tmp_path / "version_0", ["name,age", "a,1"])
    with pytest.raises(MigrateError, match="no column epoch or step, but name, age"):
        importing.plan(folder, SAID)

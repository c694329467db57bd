"""W&B's offline folders: what W&B itself wrote, whole, cut off at any place, and altered."""

import random
import shutil
import time
from pathlib import Path

import pytest
import wandb
from wandb.proto.wandb_internal_pb2 import Record

from pipeline.legacy.errors import MigrateError
from pipeline.legacy.wandb_log import Losses, read_records
from tests.pipeline.legacy.stores import Importing, refusals

STEPS = 120  # more than a block of 32 KiB
RUN = "legacy-wandb-abc12345"


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an offline run, as W&B left it; look, but do not touch."""
    folder = tmp_path_factory.mktemp("offline")
    settings = wandb.Settings(mode="offline", silent=True, console="off", x_disable_stats=True, disable_git=True)
    config = {"dataset": "set_01", "stage": "curriculum", "model_size": "teacher", "seed": 7}
    run = wandb.init(project="p", name="a teacher", id="abc12345", dir=str(folder), config=config, settings=settings)
    for epoch in range(STEPS):
        auc = float("nan") if epoch == 3 else 0.5
        run.log({"epoch": epoch, "train_loss": 1 / (epoch + 1), "val/auc": auc, "lr-Adam": 0.001})
    run.summary["best"] = 0.75
    run.finish(exit_code=0)
    wait_for_end(file_of(folder / "wandb"))
    return folder


def wait_for_end(file: Path) -> None:
    """W&B's own process may write the last record after `finish` has returned."""
    for _ in range(300):
        kinds = [Record.FromString(data).WhichOneof("record_type") for data in read_records(file, Losses())]
        if "exit" in kinds:
            return
        time.sleep(0.1)
    raise AssertionError(f"{file} has no record of the run's end")


@pytest.fixture
def copied(written: Path, tmp_path: Path) -> Path:
    shutil.copytree(written / "wandb", tmp_path / "wandb", ignore=shutil.ignore_patterns("latest-run"))
    return tmp_path / "wandb"


def file_of(folder: Path) -> Path:
    (file,) = folder.glob("offline-run-*/run-*.wandb")
    return file


def test_a_run_has_its_config_its_times_and_its_curves(copied: Path, importing: Importing) -> None:
    plan = importing.execute(copied)
    run = importing.run(RUN)
    assert (run["stage"], run["dataset"], run["seed"], run["status"]) == ("gat_teacher", "set_01", 7, "complete")
    assert "no start is recorded" not in run["reason"]
    rows = importing.rows("SELECT split, metric, count(*) AS n FROM epochs GROUP BY ALL ORDER BY ALL")
    assert [tuple(row.values()) for row in rows] == [
        ("train", "loss", STEPS), ("train", "lr-Adam", STEPS), ("validation", "auroc", STEPS - 1),
    ]  # fmt: skip
    assert importing.rows("SELECT value FROM epochs WHERE metric = 'loss' AND epoch = 9") == [{"value": 0.1}]
    lines = refusals(plan)
    assert any("step 3 val/auc: value is nan" in line for line in lines)
    assert "summary: abc12345 best = 0.75: a number of no step stands on no curve" in lines


def test_a_folder_of_runs_a_run_and_a_file_are_all_sources(copied: Path, importing: Importing) -> None:
    for source in (copied.parent, copied, file_of(copied).parent, file_of(copied)):
        assert {piece.run_id for piece in importing.plan(source).pieces} == {RUN}


def test_what_was_torn_off_is_all_that_is_lost(copied: Path, importing: Importing) -> None:
    file = file_of(copied)
    file.write_bytes(file.read_bytes()[:-1_500])
    plan = importing.execute(copied)
    (note,) = plan.found[0].notes
    assert "bytes cannot be read" in note
    (row,) = importing.rows("SELECT count(*) AS n, max(epoch) AS last FROM epochs WHERE metric = 'loss'")
    assert 0 < row["n"] == row["last"] + 1 <= STEPS
    run = importing.run(RUN)
    assert run["status"] == "unknown", "the record of its end was torn off"
    assert "numbers are missing" in run["reason"]


def test_cut_off_at_any_byte_the_records_before_are_whole(copied: Path) -> None:
    file = file_of(copied)
    data = file.read_bytes()
    whole = list(read_records(file, Losses()))
    assert len(data) > 40_000
    assert len(whole) > STEPS
    for size in [*range(7, 200), *random.Random(1).sample(range(200, len(data)), 60)]:
        file.write_bytes(data[:size])
        losses = Losses()
        found = list(read_records(file, losses))
        assert found == whole[: len(found)]
        read = 7 + sum(len(record) + 7 for record in found)
        # a record over the edge of a block has a second head, and up to 6 bytes of padding
        assert read <= size <= read + losses.size_bytes + 7 * 2 * (size // 32_768 + 1)


def test_an_altered_block_costs_no_record_of_another(copied: Path) -> None:
    file = file_of(copied)
    data = bytearray(file.read_bytes())
    whole = list(read_records(file, Losses()))
    data[20_000] ^= 1
    file.write_bytes(bytes(data))
    losses = Losses()
    found = list(read_records(file, losses))
    assert losses.size_bytes > 0
    assert found[0] == whole[0]
    assert found[-1] == whole[-1], "the block behind the altered one is read"
    assert len(found) < len(whole)


def test_a_file_that_is_none_of_wandbs_is_refused(tmp_path: Path, importing: Importing) -> None:
    file = tmp_path / "run-x.wandb"
    file.write_bytes(b"something else")
    with pytest.raises(MigrateError, match="is no W&B run file"):
        importing.plan(file)


def test_a_file_whose_first_record_is_lost_names_no_run_and_is_refused(copied: Path, importing: Importing) -> None:
    file = file_of(copied)
    file.write_bytes(file.read_bytes()[:100])
    plan = importing.plan(copied)
    assert "its first record, which names the run, is lost" in refusals(plan)[0]
    assert not plan.pieces

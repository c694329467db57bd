"""What lineage says of a run of which not everything is known."""

from pathlib import Path

import pytest

from lake.append import append
from lake.schema import RUNS
from loaders.__main__ import main
from tests.lake.rows import NOON, run_row

IMPORTED = {"origin": "an earlier tracker", "config_json": "{}", "status": "complete"}


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (IMPORTED, {"seed": "unknown", "config": "unknown", "data": "unknown", "container": "unknown",
                    "finished": "unknown"}),
        ({**IMPORTED, "config_json": '{"lr": 1}', "seed": 7}, {"seed": "7", "config": "d" * 64}),
        ({"status": "running"}, {"seed": "none drawn", "container": "none", "finished": "not yet"}),
        ({"status": "failed"}, {"finished": "unknown"}),
        ({"status": "complete", "finished_at": NOON}, {"finished": "2026-03-01 12:00:00+00"}),
    ],
)  # fmt: skip
def test_what_is_not_known_is_told_from_what_is_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], facts: dict[str, object], expected: dict[str, str]
) -> None:
    known = {"seed": None, "data_digest": None, "container_digest": None, "config_digest": "d" * 64}
    append(tmp_path / "lake", RUNS, "run-a", "001", [run_row(**{**known, **facts})])
    assert main(["analytics", "lineage", "run-a", "--lake", str(tmp_path / "lake")]) == 0
    lines = [line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines() if line.startswith("  ")]
    shown = {line[0]: line[1] for line in lines if len(line) == 2}
    assert {name: shown[name] for name in expected} == expected

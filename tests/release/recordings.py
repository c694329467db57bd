"""Stretches of the bundled recordings whose attacks no small network finds perfectly, as the dataset `set_01`."""

import gzip
from pathlib import Path

SAMPLE = Path(__file__).resolve().parents[2] / "data" / "sample"
# capture -> recording it is cut from, first row, rows
_STRETCHES = {
    "train_01_attack_free/accessory-1": ("train_01_attack_free/accessory-1", 0, 6_000),
    "train_02_with_attacks/fuzzing-2": ("train_02_with_attacks/targeted_payload_fuzzing-2", 2_000, 12_000),
    "test_01_known_vehicle_known_attack/fuzzing-1": ("train_02_with_attacks/targeted_payload_fuzzing-2", 40_000, 6_000),
    "test_04_unknown_vehicle_unknown_attack/systematic-4": (
        "test_04_unknown_vehicle_unknown_attack/systematic-4", 105_000, 3_000,
    ),
}  # fmt: skip


def write_recordings(data: Path) -> Path:
    """Fill the folder `data`, which KDGAT_DATA would name."""
    for name, (recording, first, count) in _STRETCHES.items():
        header, *rows = gzip.decompress((SAMPLE / f"{recording}.csv.gz").read_bytes()).splitlines(keepends=True)
        path = data / "can-train-and-test" / "set_01" / f"{name}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"".join([header, *rows[first : first + count]]))
    return data

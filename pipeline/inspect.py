"""What is in a capture file, for people and scripts: `./run data inspect PATH`."""

from pathlib import Path
from typing import Any

import numpy as np

from pipeline.data_captures import doubts
from pipeline.readers import read_can_log
from pipeline.readers.recognise import recognise


def inspect_capture(path: Path, reader: str | None = None) -> dict[str, Any]:
    """Format, frames, IDs, rate, span, attack share and defects of one capture.

    Raises:
        CaptureError: the file is in no format we know, or is damaged.
        ConfigError: no such reader.
    """
    reader = reader or recognise(path)
    log = read_can_log(path, reader)
    ids, counts = np.unique(log.arbitration_id, return_counts=True)
    busiest = np.argsort(-counts)[:5]
    return {
        "path": str(path),
        "format": reader,
        "frames": len(log),
        "arbitration_ids": len(ids),
        "extended_ids": int((ids >= 2**11).sum()),
        "busiest_ids": {f"{ids[i]:03X}": int(counts[i]) for i in busiest},
        "span_s": log.span_s,
        "frames_per_s": len(log) / log.span_s if log.span_s > 0 else None,
        "longest_payload_bytes": int(log.dlc.max()),
        "attack_frames": int(log.is_attack.sum()) if log.is_labelled else None,
        "attack_share": float(log.is_attack.mean()) if log.is_labelled else None,
        "row_digest": log.row_digest(),
        "doubts": doubts(log),
        "defects": {name: count for name, count in vars(log.defects).items() if count},
    }

"""Which processor trains."""

import torch

from pipeline.errors import StageError


def describe_device(wanted: str) -> str:
    """`cpu`, or the name of the accelerator that `wanted` (auto, cpu, cuda) means here.

    Raises:
        StageError: a GPU is asked for where torch sees none.
    """
    if wanted == "cpu" or (wanted == "auto" and not torch.cuda.is_available()):
        return "cpu"
    if not torch.cuda.is_available():
        raise StageError("train.device is cuda, but torch sees no GPU here. Use --set train.device=auto.")
    return torch.cuda.get_device_name()

"""Which processor trains, in which precision; a GPU that is there and does not work is never passed over in silence."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch

from pipeline.errors import StageError

_DRIVER = Path("/proc/driver/nvidia/version")
_CARDS = Path("/dev")


@dataclass(frozen=True)
class Device:
    """Where a training runs.

    Attributes:
        kind: `cpu` or `cuda`.
        name: `cpu`, or the name of the card.
        warning: why a card that is there is not used, if one is.
    """

    kind: str
    name: str
    warning: str | None = None


@dataclass(frozen=True)
class Gpu:
    """What this machine says of its GPU: the card's name if it computes, else what is wrong with it, if it has one."""

    name: str | None
    fault: str | None


@cache
def find_gpu() -> Gpu:
    """Tries the first card with a small sum: a driver too old or a torch built for other cards shows only then."""
    fault = None
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        if torch.cuda.is_available():
            try:
                torch.ones(2, device="cuda").sum().item()
                return Gpu(torch.cuda.get_device_name(), None)
            except RuntimeError as error:
                fault = str(error).splitlines()[0]
    if fault is None and (_DRIVER.exists() or any(_CARDS.glob("nvidia[0-9]*"))):
        fault = str(said[0].message).splitlines()[0] if said else f"torch {torch.__version__} sees no CUDA device"
        if not torch.backends.cuda.is_built():  # type: ignore[no-untyped-call]
            fault = f"torch {torch.__version__} is a build without CUDA"
    return Gpu(None, fault)


def choose_device(wanted: str, find: Callable[[], Gpu] = find_gpu) -> Device:
    """The device that `wanted` (auto, cpu, cuda) means here.

    Raises:
        StageError: a GPU is asked for where none computes.
    """
    if wanted == "cpu":
        return Device("cpu", "cpu")
    gpu = find()
    if gpu.name is not None:
        return Device("cuda", gpu.name)
    if wanted == "cuda":
        why = f"the GPU of this machine does not work: {gpu.fault}" if gpu.fault else "torch sees no GPU here"
        raise StageError(f"train.device is cuda, but {why}. Mend the driver, or use --set train.device=cpu.")
    if gpu.fault is None:
        return Device("cpu", "cpu")
    warning = (
        f"WARNING: this machine has a GPU that does not work ({gpu.fault}), so the training runs on the CPU, which "
        "takes many times as long. Mend the driver or the torch build; --set train.device=cpu makes this line go."
    )
    return Device("cpu", "cpu", warning)


def describe_device(wanted: str) -> str:
    """`cpu`, or the name of the card that `wanted` means here. Raises StageError as `choose_device`."""
    return choose_device(wanted).name


def choose_precision(wanted: str, device: Device) -> str:
    """`32`, `bf16` or `16`: what `wanted` (or `auto`) means on this device.

    Raises:
        StageError: fp16 is asked for on a CPU.
    """
    if wanted == "auto":
        return "bf16" if device.kind == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False) else "32"
    if wanted == "16" and device.kind == "cpu":
        raise StageError("train.precision is 16, which a CPU has no use for. Use --set train.precision=auto.")
    return wanted

"""Which processor trains: a GPU that does not work is said, or refused, and never passed over in silence."""

import pytest
import torch

from pipeline.device import Gpu, choose_device, choose_precision, describe_device, find_gpu
from pipeline.errors import StageError

NONE, BROKEN, WORKING = Gpu(None, None), Gpu(None, "CUDA driver version is insufficient"), Gpu("A Card", None)


def test_auto_takes_the_gpu_where_one_works() -> None:
    assert (choose_device("auto", lambda: WORKING).kind, choose_device("auto", lambda: NONE).kind) == ("cuda", "cpu")
    assert choose_device("cuda", lambda: WORKING).name == "A Card"
    assert choose_device("cpu", lambda: WORKING).kind == "cpu"
    assert choose_device("auto", lambda: NONE).warning is None


def test_a_gpu_that_fails_is_warned_of() -> None:
    device = choose_device("auto", lambda: BROKEN)
    assert device.kind == "cpu"
    assert device.warning is not None
    assert device.warning.startswith("WARNING: this machine has a GPU that does not work (CUDA driver version is ins")
    assert "--set train.device=cpu" in device.warning


@pytest.mark.parametrize(("gpu", "why"), [(NONE, "torch sees no GPU"), (BROKEN, "does not work: CUDA driver version")])
def test_cuda_is_refused_where_none_computes(gpu: Gpu, why: str) -> None:
    with pytest.raises(StageError, match=why):
        choose_device("cuda", lambda: gpu)


def test_this_machine_says_what_torch_says() -> None:
    assert (find_gpu().name is not None) <= torch.cuda.is_available()
    assert describe_device("cpu") == "cpu"


def test_precision_follows_the_device() -> None:
    cpu = choose_device("cpu")
    assert [choose_precision(wanted, cpu) for wanted in ("auto", "32", "bf16")] == ["32", "32", "bf16"]
    with pytest.raises(StageError, match=r"train.precision is 16, which a CPU has no use for"):
        choose_precision("16", cpu)
    assert choose_precision("16", choose_device("auto", lambda: WORKING)) == "16"

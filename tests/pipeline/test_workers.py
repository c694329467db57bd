"""Work is shared between threads, or done at once; what comes back is the same."""

import os
import threading

import pytest

from pipeline.workers import AtOnce, workers


@pytest.mark.parametrize("threads", [1, 2, None])
def test_results_come_back_in_order(threads: int | None) -> None:
    with workers(threads) as pool:
        assert list(pool.map(lambda number: number**2, range(20))) == [number**2 for number in range(20)]


def test_one_thread_is_the_callers_own() -> None:
    with workers(1) as pool:
        assert pool.submit(threading.get_ident).result() == threading.get_ident()
    with workers(2) as pool:
        assert pool.submit(threading.get_ident).result() != threading.get_ident()


@pytest.mark.parametrize("threads", [1, 2])
def test_an_error_is_raised(threads: int) -> None:
    with workers(threads) as pool, pytest.raises(ZeroDivisionError):
        pool.submit(lambda: 1 // 0).result()


def test_where_one_processor_may_be_used_no_thread_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3})
    assert isinstance(workers(None), AtOnce)

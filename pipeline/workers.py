"""Threads to share work between, or for one thread none at all."""

import os
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import Any

_MOST = 2  # of them the work on one piece keeps busy


class AtOnce(Executor):
    """Does what it is handed in the thread that hands it over; an error is raised there and then.

    A thread of its own would bring a heap of its own, whose pages are touched for the first time again and again.
    """

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        done: Future[Any] = Future()
        done.set_result(fn(*args, **kwargs))
        return done


def workers(threads: int | None) -> Executor:
    """An executor with that many threads; None is two, or one where this process may use no more processors."""
    threads = min(_MOST, len(os.sched_getaffinity(0))) if threads is None else threads
    return AtOnce() if threads == 1 else ThreadPoolExecutor(threads)

"""A host in a process of its own: a plugin keeps its libraries, threads and environment, and may take the process down."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")
GIVEN_UP_AFTER = 300


def _with_environment(environment: Mapping[str, str | None], function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    for name, value in environment.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
    return function(*args, **kwargs)


def alone(environment: Mapping[str, str | None], function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What a function of a module returns in a fresh process. A variable of `environment` that is None is not set there.

    Raises:
        BrokenProcessPool: the process died.
        TimeoutError: it did not end.
    """
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        running = pool.submit(_with_environment, environment, function, *args, **kwargs)
        try:
            return running.result(GIVEN_UP_AFTER)
        except TimeoutError:
            for process in pool._processes.values():
                process.kill()
            raise

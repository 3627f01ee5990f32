"""Blocks made ahead in a thread: order, underruns, and errors that reach the caller."""

from __future__ import annotations

import itertools
import threading

import numpy as np
import pytest

from lmdm_runtime.pacing import BlockFeeder


def test_blocks_come_in_order_and_a_missing_one_is_counted():
    gate, numbers = threading.Semaphore(2), itertools.count()

    def make() -> np.ndarray:
        gate.acquire(timeout=5)
        return np.full((1, 4), next(numbers), np.float32)

    feeder = BlockFeeder(make, 0.1)
    feeder.start()
    taken: list[float] = []
    while len(taken) < 2:
        block = feeder.take()
        if block is not None:
            taken.append(float(block[0, 0]))
    before = feeder.report.underruns
    assert feeder.take() is None
    assert feeder.report.underruns == before + 1
    gate.release(10)
    feeder.stop()
    assert taken == [0.0, 1.0]


def test_an_error_of_the_inference_thread_reaches_the_caller():
    def make() -> np.ndarray:
        raise ValueError("no model")

    feeder = BlockFeeder(make, 0.1)
    with pytest.raises(ValueError, match="no model"):
        feeder.start()
    feeder.stop()

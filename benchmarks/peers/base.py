"""The interface of a peer."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Arrays = dict[str, NDArray]


class Unavailable(Exception):
    """This peer cannot run here; the message says why in one sentence."""


class Stage(NamedTuple):
    """One thing that a peer does. `run()` does it once and is what is timed; `outputs(swap)` does it once and gives what came out, by port.

    With `swap` keys and values of the context stand in each other's place; None where the stage has none.
    """

    run: Callable[[], object]
    outputs: Callable[[bool], Arrays | None]


def no_swap(outputs: Callable[[], Arrays]) -> Callable[[bool], Arrays | None]:
    """Outputs of a stage that reads no cache."""
    return lambda swap: None if swap else outputs()


def stacked(blocks: list[NDArray]) -> Arrays:
    """Clean blocks [C, o] as the output of the stage `block`: [blocks, C, o]."""
    return {"blocks": np.stack(blocks)}

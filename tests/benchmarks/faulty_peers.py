"""Peers with faults, which the command must see."""

from __future__ import annotations

import sys
from typing import Any

from benchmarks.job import Job
from benchmarks.peers.base import Stage, Unavailable
from benchmarks.peers.runtime import RuntimePeer


class SwappedPeer(RuntimePeer):
    """Keys and values of the context in each other's place."""

    def stages(self) -> dict[str, Stage]:
        step = super().stages()["step"]
        return {"step": Stage(step.run, lambda swap: step.outputs(not swap))}


class DyingPeer:
    """Ends in the middle of its first answer, as a native library would."""

    def __init__(self, job: Job) -> None:
        pass

    def stages(self) -> dict[str, Stage]:
        return {"step": Stage(lambda: None, _die)}


class AbsentPeer:
    """A package that is not there."""

    def __init__(self, job: Job) -> None:
        raise Unavailable("it is not installed; run: pip install it")


def _die(_: bool) -> Any:
    print("last words", file=sys.stderr, flush=True)
    sys.exit(3)

"""Backends that can record many launches once and repeat them as one."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

from lmdm_runtime.backends.base import Backend, Binding, Buffer


class InTurn(Binding):
    """Launches one after the other: what a recording must equal."""

    def __init__(self, launches: Sequence[Binding]) -> None:
        self.launches = tuple(launches)

    def run(self) -> None:
        for launch in self.launches:
            launch.run()


class RecordingBackend(Backend):
    """A backend that also binds the graph `solver_step` and plays a whole block back from one recording."""

    @abstractmethod
    def copy(self, source: Buffer, target: Buffer) -> Binding:
        """A copy between two buffers of one shape, where the device is."""

    @abstractmethod
    def record(self, launches: Sequence[Binding]) -> Binding:
        """All launches as one, at the addresses that their buffers have now.

        They may be run once while they are recorded; whoever records writes the inputs afterwards.
        """

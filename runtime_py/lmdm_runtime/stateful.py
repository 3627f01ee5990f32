"""A graph that carries state: two sets of buffers, read and written in turn, so that no run writes what it reads."""

from __future__ import annotations

from collections.abc import Mapping

from numpy.typing import NDArray

from lmdm_runtime.backends.base import Backend, Binding, Buffer
from lmdm_runtime.manifest import GraphEntry


class StatefulGraph:
    """A graph in which an input X with an output X_out is state; everything else is bound to the buffers in `fixed`.

    Two bindings are made once; a run uses one and leaves the other for the next run.
    """

    def __init__(self, backend: Backend, graph: GraphEntry, fixed: Mapping[str, Buffer]) -> None:
        outputs = {port.name for port in graph.outputs}
        carried = [port for port in graph.inputs if f"{port.name}_out" in outputs]
        self.sides = tuple({port.name: backend.buffer(port) for port in carried} for _ in range(2))
        self.turn = 0
        self._bindings = tuple(
            backend.bind(graph.name, {**fixed, **self.sides[turn], **{f"{name}_out": b for name, b in self.sides[1 - turn].items()}})
            for turn in range(2)
        )

    @property
    def state(self) -> dict[str, Buffer]:
        """What the next run reads, which is what the last one wrote."""
        return self.sides[self.turn]

    def run(self) -> None:
        self._bindings[self.turn].run()
        self.turn = 1 - self.turn

    def take_turn(self) -> Binding:
        """The next run, which the caller must run before anything reads the state; `state` is already what it will write."""
        binding = self._bindings[self.turn]
        self.turn = 1 - self.turn
        return binding

    def restart(self, values: Mapping[str, NDArray]) -> None:
        """First values of the state; zeros where `values` has none."""
        self.turn = 0
        for name, buffer in self.state.items():
            buffer.write(values[name] if name in values else 0 * buffer.read())

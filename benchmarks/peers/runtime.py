"""The runtime's backends on a bundle, or on a variant of it with the same ports. Nothing here imports torch."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from benchmarks.job import GRAPHS, PROMPT, Job, swapped
from benchmarks.peers.base import Arrays, Stage, Unavailable, no_swap, stacked
from lmdm_runtime.backends import make_backend
from lmdm_runtime.backends.base import Backend, Buffer
from lmdm_runtime.bundle import Bundle, load_bundle
from lmdm_runtime.errors import LmdmError
from lmdm_runtime.session import Session


class RuntimePeer:
    """Sessions and single graphs by one backend.

    Args:
        engine: name of the backend.
        variant: folder of a bundle in another precision, in place of the job's.
        plain: without fused operators, where the bundle has them.
        steps: solver steps of further stages `block, N steps`.
    """

    def __init__(
        self, job: Job, engine: str, variant: str | None = None, plain: bool = False, steps: tuple[int, ...] | list[int] = ()
    ) -> None:
        self.job, self.steps = job, steps
        self.bundle = load_bundle(job.bundle if variant is None else Path(variant))
        if plain:
            self.bundle = without_fused(self.bundle)
        try:
            self.backend: Backend = make_backend(engine, self.bundle, job.threads)
        except LmdmError as error:
            raise Unavailable(str(error)) from error

    def stages(self) -> dict[str, Stage]:
        few = {f"block, {steps} steps": self._block(steps) for steps in self.steps}
        return {stage: self._graph(stage) for stage in GRAPHS} | {"block": self._block()} | few

    def _graph(self, stage: str) -> Stage:
        """One graph in buffers that stay bound."""
        entry = self.bundle.manifest.graphs[GRAPHS[stage]]
        buffers: dict[str, Buffer] = {port.name: self.backend.buffer(port) for port in (*entry.inputs, *entry.outputs)}
        binding = self.backend.bind(entry.name, buffers)
        given = self.job.inputs(stage)

        def write(arrays: Arrays) -> None:
            for port in entry.inputs:
                buffers[port.name].write(arrays[port.name])

        def outputs(swap: bool) -> Arrays | None:
            if swap and stage != "step":
                return None
            write(swapped(given) if swap else given)
            binding.run()
            made = {port.name: buffers[port.name].read() for port in entry.outputs}
            write(given)
            return made

        write(given)
        return Stage(binding.run, outputs)

    def _block(self, steps: int | None = None) -> Stage:
        endless = self._session(steps)
        return Stage(endless.next_latents, no_swap(self._blocks))

    def _blocks(self) -> Arrays:
        session = self._session()
        return stacked([session.next_latents()[0] for _ in range(self.job.blocks)])

    def _session(self, steps: int | None = None) -> Session:
        session = Session(self.bundle, seed=self.job.seed, steps=steps, backend=self.backend)
        embedding = self.job.embedding()
        if embedding is not None:
            session.set_embedding(PROMPT, embedding)
        session.set_prompt(PROMPT)
        return session


def has_fused(bundle: Bundle) -> bool:
    """Whether the bundle has graphs with fused operators."""
    return any(entry.fused is not None for entry in bundle.manifest.graphs.values())


def without_fused(bundle: Bundle) -> Bundle:
    """The same bundle, as if it had none."""
    graphs = {name: replace(entry, fused=None) for name, entry in bundle.manifest.graphs.items()}
    return replace(bundle, manifest=replace(bundle.manifest, graphs=graphs))

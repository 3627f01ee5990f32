"""A whole block as one launch: context encoder, every step of the network and every update of the solver, recorded once on the device."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from lmdm_runtime.backends.base import Backend, Binding, Buffer
from lmdm_runtime.backends.recording import RecordingBackend
from lmdm_runtime.engines.solver_step import SOLVER_STEP, solver_step_entry
from lmdm_runtime.errors import SessionError
from lmdm_runtime.linear_steps import StepCoefficients, linear_steps, require_linear
from lmdm_runtime.manifest import Manifest
from lmdm_runtime.sampling import BlockSampler
from lmdm_runtime.settings import Settings

logger = logging.getLogger(__name__)


def make_sampler(manifest: Manifest, backend: Backend, solver: str) -> BlockSampler:
    """The sampler that runs whole blocks as one graph where backend and solver can, else the one that goes step by step.

    Raises:
        SessionError: no such solver, or one that the bundle's guidance cannot go with.
    """
    if not isinstance(backend, RecordingBackend):
        return BlockSampler(manifest, backend, solver)
    try:
        return WholeBlockSampler(manifest, backend, solver)
    except SessionError as reason:
        sampler = BlockSampler(manifest, backend, solver)  # says it again where the solver is the fault
        logger.warning("%s", reason)
        return sampler


class WholeBlockSampler(BlockSampler):
    """A linear solver whose updates are graphs too. The host writes noise, level and coefficients before the block, and reads the block.

    The step's update writes `next_x`, which is copied over `x`, and `next_t` straight into the decoder's `t`. Each step has its own
    coefficients and noise at addresses that never change, so a recording holds until the number of steps changes.

    Raises:
        SessionError: the solver's step is not linear.
    """

    whole_block = True

    def __init__(self, manifest: Manifest, backend: RecordingBackend, solver: str) -> None:
        require_linear(solver, manifest.sampling.guidance)
        super().__init__(manifest, backend, solver)
        self._backend, self._solver, self._entry = backend, solver, solver_step_entry(manifest)
        self._next_x = backend.buffer(self._entry.outputs[0])
        self._copy = backend.copy(self._next_x, self.buffers["x"])
        self._updates: list[tuple[Binding, dict[str, Buffer]]] = []
        self._written: tuple[StepCoefficients, ...] = ()
        self._recordings: dict[tuple[Binding | None, Binding, int], Binding] = {}

    def launches(self, first: Binding | None, decoder: Binding, steps: int) -> tuple[Binding, ...]:
        """What one block runs, in order: `first` (the context encoder), then network, update and copy for every step."""
        while len(self._updates) < steps:
            self._updates.append(self._update())
        pairs = [launch for update, _ in self._updates[:steps] for launch in (decoder, update, self._copy)]
        return (*([] if first is None else [first]), *pairs)

    def sample(
        self,
        decoder: Binding,
        controls: Mapping[str, NDArray],
        settings: Settings,
        noise_block: int,
        first: Binding | None = None,
    ) -> NDArray[np.float32]:
        coefficients = linear_steps(self._solver, self._guidance, settings.guidance_scale, settings.schedule)
        recorded = (first, decoder, len(coefficients))
        if recorded not in self._recordings:
            self._recordings[recorded] = self._backend.record(self.launches(*recorded))
        for name, values in controls.items():
            self.buffers[f"control_{name}"].write(values)
        self._write_coefficients(coefficients)
        x = self.buffers["x"]
        x.write(settings.noise.block(noise_block, 0, x.port.shape))
        self.buffers["t"].write(np.array([settings.schedule[0]], dtype=np.float32))
        for draw, ((_, inputs), step) in enumerate(zip(self._updates, coefficients, strict=False), start=1):
            if step.noise != 0:
                inputs["noise"].write(settings.noise.block(noise_block, draw, x.port.shape))
        self._recordings[recorded].run()
        return x.read().astype(np.float32, copy=False)

    def _update(self) -> tuple[Binding, dict[str, Buffer]]:
        own = {port.name: self._backend.buffer(port) for port in self._entry.inputs if port.name in ("noise", "coefficients")}
        shared = {"x": self.buffers["x"], "velocity": self.buffers["velocity"], "next_x": self._next_x, "next_t": self.buffers["t"]}
        return self._backend.bind(SOLVER_STEP, {**own, **shared}), own

    def _write_coefficients(self, coefficients: Sequence[StepCoefficients]) -> None:
        if coefficients == self._written:
            return
        for (_, inputs), step in zip(self._updates, coefficients, strict=False):
            inputs["coefficients"].write(np.array(step, dtype=np.float32))
        self._written = tuple(coefficients)

"""How one block is sampled: from noise to clean frames along the noise levels, through the cached decoder."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from lmdm_runtime.backends.base import Backend, Binding
from lmdm_runtime.manifest import Manifest
from lmdm_runtime.settings import Settings
from lmdm_runtime.solvers import Guided, guide, require_solver


class BlockSampler:
    """A solver on the cached decoder's buffers, of which it owns those that change from step to step, and the controls.

    `whole_block`: it wants to run the context encoder itself, in one launch with everything after it.

    Raises:
        SessionError: no such solver, or one that the bundle's guidance cannot go with.
    """

    whole_block = False

    def __init__(self, manifest: Manifest, backend: Backend, solver: str) -> None:
        self._guidance = manifest.sampling.guidance
        self._solve = require_solver(solver, self._guidance)
        entry = manifest.graphs["cached_decoder"]
        own = ("x", "t", "velocity", *(f"control_{group.name}" for group in manifest.groups))
        self.buffers = {port.name: backend.buffer(port) for port in (*entry.inputs, *entry.outputs) if port.name in own}

    def sample(
        self,
        decoder: Binding,
        controls: Mapping[str, NDArray],
        settings: Settings,
        noise_block: int,
        first: Binding | None = None,
    ) -> NDArray[np.float32]:
        """A clean block [1, C, o] under controls [1, channels, o], with the noise that block `noise_block` has.

        `first` is what must still run before the decoder may; None where the context is encoded already.
        """
        if first is not None:
            first.run()
        x, t, velocity = self.buffers["x"], self.buffers["t"], self.buffers["velocity"]
        for name, values in controls.items():
            self.buffers[f"control_{name}"].write(values)

        def network(noisy: NDArray, level: float) -> Guided:
            x.write(noisy)
            t.write(np.array([level], dtype=np.float32))
            decoder.run()
            return guide(velocity.read(), self._guidance, settings.guidance_scale)

        def noise(draw: int) -> NDArray[np.float32]:
            return settings.noise.block(noise_block, draw, x.port.shape)

        return self._solve(network, noise(0), settings.schedule, noise).astype(np.float32, copy=False)

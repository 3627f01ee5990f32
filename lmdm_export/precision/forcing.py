"""A session whose past is given: each block begins from the reference's context and not from what the session itself made."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lmdm_runtime.backends.base import Backend
from lmdm_runtime.bundle import Bundle
from lmdm_runtime.session import Session


class ForcedSession(Session):
    """Plays a block and then takes that block of `reference` [blocks, channels, o] into its context in place of its own."""

    def __init__(self, bundle: Bundle, reference: NDArray[np.float32], *, seed: int, backend: Backend) -> None:
        self.reference = reference
        super().__init__(bundle, seed, backend=backend)

    def next_latents(self) -> NDArray[np.float32]:
        made = super().next_latents()
        frames = min(made.shape[2], self._clean.shape[2])
        self._clean[..., -frames:] = self.reference[self.block_index - 1][..., -frames:]
        return made

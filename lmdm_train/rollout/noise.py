"""Gaussian noise that can be asked for any block and draw, in any order."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor


def seeded_noise(shape: tuple[int, ...], seed: int) -> Callable[[int, int], Tensor]:
    """`noise(block, draw)` -> standard normal float32 of `shape`, the same for the same seed, block and draw on this version of torch."""

    def noise(block: int, draw: int) -> Tensor:
        state = np.random.SeedSequence([seed, block, draw]).generate_state(1, np.uint64)[0]
        return torch.randn(shape, generator=torch.Generator().manual_seed(int(state) % 2**63))

    return noise

"""Noise that any machine can make again: Philox 4x32-10 (Salmon et al. 2011) and Box-Muller."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
WEYL = (0x9E3779B9, 0xBB67AE85)
ROUNDS = 10
MASK = 0xFFFFFFFF


def philox4x32(counter: NDArray[np.uint32], key: tuple[int, int]) -> NDArray[np.uint32]:
    """Ten rounds of Philox over counters [n, 4] -> random integers [n, 4]."""
    low, high = np.uint64(MASK), np.uint64(32)
    c0, c1, c2, c3 = (column.astype(np.uint64) for column in counter.T)
    k0, k1 = key
    for _ in range(ROUNDS):
        a, b = c0 * np.uint64(MULTIPLIERS[0]), c2 * np.uint64(MULTIPLIERS[1])
        c0, c1, c2, c3 = (b >> high) ^ c1 ^ np.uint64(k0), b & low, (a >> high) ^ c3 ^ np.uint64(k1), a & low
        k0, k1 = (k0 + WEYL[0]) & MASK, (k1 + WEYL[1]) & MASK
    return np.stack((c0, c1, c2, c3), axis=1).astype(np.uint32)


def box_muller(integers: NDArray[np.uint32]) -> NDArray[np.float64]:
    """Integers [n, 4] -> normals [n, 4]; columns 0 and 1 make the first two, 2 and 3 the others."""
    uniform = (integers.astype(np.float64) + 0.5) * 2.0**-32
    radius = np.sqrt(-2.0 * np.log(uniform[:, 0::2]))
    angle = 2.0 * math.pi * uniform[:, 1::2]
    normals = np.empty_like(uniform)
    normals[:, 0::2] = radius * np.cos(angle)
    normals[:, 1::2] = radius * np.sin(angle)
    return normals


class Noise:
    """Standard normals addressed by block and draw, so that nothing depends on what was drawn before.

    Args:
        seed: 0 to 2^64 - 1, the Philox key.

    Raises:
        ValueError: the seed does not fit.
    """

    def __init__(self, seed: int) -> None:
        if not 0 <= seed < 2**64:
            raise ValueError(f"a noise seed lies from 0 to 2^64 - 1, found {seed}")
        self.seed = seed

    def block(self, block: int, draw: int, shape: tuple[int, ...]) -> NDArray[np.float32]:
        """Noise of one block, filled row by row; draw 0 starts the block, draw j is the fresh noise after step j.

        The counter of the i-th four values is (i, draw, block low 32 bits, block high 32 bits).
        """
        count = math.prod(shape)
        counter = np.empty(((count + 3) // 4, 4), dtype=np.uint32)
        counter[:, 0] = np.arange(len(counter), dtype=np.uint32)
        counter[:, 1:] = (draw, block & MASK, block >> 32)
        normals = box_muller(philox4x32(counter, (self.seed & MASK, self.seed >> 32)))
        return normals.reshape(-1)[:count].reshape(shape).astype(np.float32)

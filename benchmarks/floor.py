"""The floor below which no implementation on this machine can go: operations over measured peak, bytes over measured bandwidth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.timing import in_turn

if TYPE_CHECKING:
    from lmdm_train.config import DiTConfig, Layout


@dataclass(frozen=True)
class Peak:
    """What this machine reached in this run: float32 operations a second of a matrix product, bytes a second of a read."""

    flops: float
    read_bytes: float


def measure_peak(size: int = 768, megabytes: int = 128, runs: int = 20) -> Peak:
    """Probe with torch on as many threads as torch is set to; the fastest of `runs` counts, as load can only slow a probe down."""
    import torch

    a, b = torch.randn(size, size), torch.randn(size, size)
    memory = torch.ones(megabytes * 2**20 // 4)
    fastest = {
        name: min(s.wall for s in samples) for name, samples in in_turn({"product": lambda: a @ b, "read": memory.sum}, runs).items()
    }
    return Peak(flops=2 * size**3 / fastest["product"], read_bytes=megabytes * 2**20 / fastest["read"])


@dataclass(frozen=True)
class Work:
    """Multiplications and additions, and bytes that must be read once, of one call."""

    operations: float
    read_bytes: float

    def __add__(self, other: Work) -> Work:
        return Work(self.operations + other.operations, self.read_bytes + other.read_bytes)

    def __rmul__(self, times: int) -> Work:
        return Work(times * self.operations, times * self.read_bytes)

    def floor_ms(self, peak: Peak) -> dict[str, float]:
        """Milliseconds of arithmetic, of memory, and the larger of both."""
        arithmetic, memory = 1e3 * self.operations / peak.flops, 1e3 * self.read_bytes / peak.read_bytes
        return {"arithmetic": arithmetic, "memory": memory, "floor": max(arithmetic, memory)}


def transformer_work(config: DiTConfig, tokens: int, keys: int, text_tokens: int, batch: int, depth: int | None = None) -> Work:
    """One pass of `tokens` queries over `keys` self-attention keys, cross-attention keys ready; projections in and out included.

    Per token and layer: q, k, v and out of self-attention 4w², q and out of cross-attention 2w², SwiGLU 3·m·w².
    """
    width, depth = config.width, config.depth if depth is None else depth
    layer_weights = (4 + 2 + 3 * config.ff_mult) * width**2
    edge_weights = 2 * config.latent_channels * width
    attention = 2 * width * (keys + text_tokens)
    operations = 2 * batch * tokens * (depth * (layer_weights + attention) + edge_weights)
    weights = depth * layer_weights + edge_weights
    cache = 2 * batch * depth * width * (keys + text_tokens)
    return Work(float(operations), 4.0 * (weights + cache))


def step_work(config: DiTConfig, layout: Layout, visible: int, text_tokens: int, batch: int) -> Work:
    """One cached denoising step: the block's frames and the global token against `visible` cached frames and themselves."""
    tokens = layout.block + 1
    return transformer_work(config, tokens, visible + tokens, text_tokens, batch)


def masked_step_work(config: DiTConfig, layout: Layout, text_tokens: int, batch: int) -> Work:
    """One denoising step without a cache (Algorithm 1): the whole window and the text projections."""
    tokens = layout.window + 1
    work = transformer_work(config, tokens, tokens, text_tokens, batch)
    text_weights = config.depth * 2 * config.width**2 + config.width * (config.text_width + config.width)
    return Work(work.operations + 2.0 * batch * text_tokens * text_weights, work.read_bytes + 4.0 * text_weights)


def context_work(config: DiTConfig, frames: int, keys: int, text_tokens: int, batch: int) -> Work:
    """Encoding `frames` clean frames that see `keys` cached or own keys; the last layer gives keys and values only."""
    work = transformer_work(config, frames, keys, text_tokens, batch, depth=config.depth - 1)
    last = 2 * config.width**2
    return Work(work.operations + 2.0 * batch * frames * last, work.read_bytes + 4.0 * last)

"""The floor below which no implementation on this machine can go: operations over measured peak, bytes over measured bandwidth."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from benchmarks.timing import in_turn

if TYPE_CHECKING:
    from lmdm_train.config import DiTConfig, Layout


@dataclass(frozen=True)
class Peak:
    """What this machine reached in this run: float32 operations a second of a matrix product, bytes a second of a read."""

    flops: float
    read_bytes: float

    def best(self, other: Peak) -> Peak:
        """The better figures of two probes, as load can only slow a probe down."""
        return Peak(max(self.flops, other.flops), max(self.read_bytes, other.read_bytes))

    def to_json(self) -> dict[str, Any]:
        return {"gflops_float32": self.flops / 1e9, "read_gb_s": self.read_bytes / 1e9}


PROBE = """
import json, sys, torch
from benchmarks.floor import measure_peak
torch.set_num_threads(int(sys.argv[1]))
peak = measure_peak()
print(json.dumps([peak.flops, peak.read_bytes]))
"""


def probe_peak(threads: int) -> Peak:
    """By torch in a process of its own, as torch must not share one with OpenVINO, and its threads not with what is timed."""
    made = subprocess.run([sys.executable, "-c", PROBE, str(threads)], check=True, capture_output=True, text=True)
    return Peak(*json.loads(made.stdout))


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


def layers_work(config: DiTConfig, tokens: int, keys: int, text_tokens: int, batch: int, depth: int) -> Work:
    """`depth` layers on `tokens` queries over `keys` self-attention keys, cross-attention keys ready.

    Per token and layer: q, k, v and out of self-attention 4w², q and out of cross-attention 2w², SwiGLU 3·m·w².
    """
    weights = (4 + 2 + 3 * config.ff_mult) * config.width**2
    attention = 2 * config.width * (keys + text_tokens)
    cache = 2 * batch * config.width * (keys + text_tokens)
    return Work(2.0 * batch * tokens * depth * (weights + attention), 4.0 * depth * (weights + cache))


def product_work(weights: int, tokens: int, batch: int) -> Work:
    """`tokens` times a matrix of so many weights."""
    return Work(2.0 * batch * tokens * weights, 4.0 * weights)


def step_work(config: DiTConfig, layout: Layout, visible: int, text_tokens: int, batch: int) -> Work:
    """One cached denoising step: the block's frames and the global token against `visible` cached frames and themselves."""
    tokens = layout.block + 1
    projections = product_work(2 * config.latent_channels * config.width, layout.block, batch)
    return layers_work(config, tokens, visible + tokens, text_tokens, batch, config.depth) + projections


def masked_step_work(config: DiTConfig, layout: Layout, text_tokens: int, batch: int) -> Work:
    """One denoising step without a cache (Algorithm 1): the whole window and the text projections."""
    tokens = layout.window + 1
    projections = product_work(2 * config.latent_channels * config.width, layout.window, batch)
    text = product_work(config.depth * 2 * config.width**2 + config.width * (config.text_width + config.width), text_tokens, batch)
    return layers_work(config, tokens, tokens, text_tokens, batch, config.depth) + projections + text


def context_work(config: DiTConfig, frames: int, keys: int, text_tokens: int, batch: int) -> Work:
    """Encoding `frames` clean frames that see `keys` cached or own keys; the last layer gives keys and values only."""
    layers = layers_work(config, frames, keys, text_tokens, batch, config.depth - 1)
    additive = product_work(config.additive_channels * config.width, frames, batch)
    return layers + additive + product_work(2 * config.width**2, frames, batch)

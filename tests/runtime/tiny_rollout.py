"""Algorithms 2 and 3 over the tiny model in plain numpy, with a whole history instead of caches: what a session must give."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise

import numpy as np

from lmdm_runtime.noise import Noise
from lmdm_runtime.text import Tokenizer
from tests.runtime.tiny_model import TinyModel

Mix = list[tuple[str, float]]


def rollout(
    model: TinyModel,
    tokenizer: Tokenizer,
    timeline: Mapping[int, Mix],
    blocks: int,
    *,
    seed: int = 0,
    scale: float = 1.5,
    schedule: tuple[float, ...] = (1.0, 0.6, 0.25, 0.0),
    drop: int = 3,
    control: Callable[[int], np.ndarray] = lambda frame: np.zeros(1, np.float32),
    start: np.ndarray | None = None,
    seconds: float = 2.0,
    since: int = 0,
) -> np.ndarray:
    """Clean frames [1, C, blocks * o] by Euler with CFG. `control(frame)` gives one value for each frame from `since` on, 0 before it."""
    z = model.sizes
    s, o = z.context, z.block
    clean = np.zeros((1, z.channels, s), np.float32) if start is None else start
    noise, before, mix, cache, made = Noise(seed), None, None, None, []
    for block in range(blocks):
        mix = timeline.get(block, mix)
        total = sum(weight for _, weight in mix)
        embedding = sum(np.float32(weight / total) * model.embedding(*tokenizer(prompt)) for prompt, weight in mix)
        c = model.condition(embedding, seconds)
        dominant = max(mix, key=lambda entry: entry[1])[0]
        changed = before is not None and dominant != before
        before = dominant
        if changed:
            clean = np.concatenate((np.zeros_like(clean[..., :drop]), clean[..., drop:]), axis=2)
        window = range(block * o - s, block * o + o)
        controls = np.stack([control(frame) if frame >= since else np.zeros(1, np.float32) for frame in window], axis=1)[None]
        if z.pattern == "encoder-decoder":
            kv = model.window(clean, controls[..., :s], c)
        else:
            first = 0 if cache is None or changed else s - o
            cache = {name: [] for name in model.to_self} if first == 0 else cache
            for begin in range(first, s, o):
                encode_block(model, cache, clean[..., begin : begin + o], controls[..., begin : begin + o], c)
            newest = {name: np.concatenate(parts, axis=2)[:, :, -s:] for name, parts in cache.items()}
            kv = {f"self_{name}": value * model.places if name.startswith("k") else value for name, value in newest.items()}
        x = noise.block(block, 0, (1, z.channels, o))
        for t, t_next in pairwise(schedule):
            v = model.velocity(x, t, controls[..., s:], c, kv)
            guided = v[1:] + scale * (v[:1] - v[1:])
            x = x + np.float32(t_next - t) * guided
        made.append(x)
        clean = np.concatenate((clean, x), axis=2)[..., -s:]
    return np.concatenate(made, axis=2)


def encode_block(model: TinyModel, cache: dict[str, list[np.ndarray]], frames: np.ndarray, control: np.ndarray, c: dict) -> None:
    """Appends a block's raw keys and values, which see the `window_chunks - 1` blocks before."""
    z = model.sizes
    for name, parts in cache.items():
        seen = parts[len(parts) - (z.window_chunks - 1) :] if z.window_chunks > 1 else []
        past = sum(part.sum(axis=2, keepdims=True) for part in seen)
        parts.append(model.project(name, frames, control) + model.bias(c, name) + np.float32(0.1) * past)

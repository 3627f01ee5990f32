"""The answers of the tiny graphs in numpy, and the rollouts of Algorithms 2 and 3 over them, written without any cache of buffers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Sizes:
    """Sizes of the tiny instrument. `left` and `delay` belong to the context codec."""

    pattern: str = "encoder-decoder"
    channels: int = 2
    context: int = 4
    block: int = 2
    depth: int = 2
    heads: int = 2
    head_width: int = 3
    text_tokens: int = 5
    text_width: int = 4
    width: int = 6
    frame_size: int = 8
    window_chunks: int = 2
    left: int = 1
    delay: int = 1

    @property
    def cached(self) -> tuple[int, int, int, int]:
        return (2, self.heads, self.context, self.head_width)

    @property
    def cross(self) -> tuple[int, int, int, int]:
        return (2, self.heads, self.text_tokens + 1, self.head_width)


class TinyModel:
    """Weights and answers. Every answer depends on everything that it should: order of frames, text, level, layer, control."""

    def __init__(self, sizes: Sizes, vocabulary: int) -> None:
        self.sizes = z = sizes
        rng = np.random.default_rng(0)

        def normal(*shape: int) -> np.ndarray:
            return rng.standard_normal(shape).astype(np.float32)

        self.table = normal(vocabulary, z.text_width)
        self.to_cross = {f"{s}_{n:02d}": normal(z.text_width, int(np.prod(z.cross[1:]))) for s in ("k", "v") for n in range(z.depth)}
        self.to_self = {f"{s}_{n:02d}": normal(z.channels, z.heads * z.head_width) for s in ("k", "v") for n in range(z.depth)}
        self.to_global = normal(1, z.width)
        self.places = np.linspace(0.5, 1.5, z.context, dtype=np.float32)[None, None, :, None]
        # Small, so that rounding does not grow from block to block.
        self.mixing = 0.3 * normal(z.channels, 1)[None]
        self.encoder = normal(z.frame_size, z.channels) / 4
        self.decoder = normal(z.channels, z.frame_size) / 4

    def embedding(self, ids: np.ndarray, mask: np.ndarray) -> np.ndarray:
        return self.table[ids] * mask[..., None]

    def condition(self, embedding: np.ndarray, seconds: float) -> dict[str, np.ndarray]:
        pooled = embedding.mean(axis=1)
        made = {}
        for name, weight in self.to_cross.items():
            part = (pooled @ weight).reshape(1, *self.sizes.cross[1:])
            made[f"cross_{name}"] = np.concatenate((part, np.zeros_like(part)))
        return {**made, "global_embed": np.float32(seconds) * self.to_global}

    def project(self, name: str, context: np.ndarray, control: np.ndarray) -> np.ndarray:
        """Frames [1, C, n] and control [1, 1, n] -> [1, heads, n, head_width]."""
        z = self.sizes
        flat = (context + control).transpose(0, 2, 1) @ self.to_self[name]
        return flat.reshape(1, -1, z.heads, z.head_width).transpose(0, 2, 1, 3)

    def bias(self, c: dict[str, np.ndarray], name: str) -> np.ndarray:
        """The text's share of keys and values; the last layer has none, as where an exporter drops an unused input."""
        last = name.endswith(f"{self.sizes.depth - 1:02d}")
        return np.zeros((2, 1, 1, 1), np.float32) if last else c[f"cross_{name}"].mean(axis=2, keepdims=True)

    def window(self, context: np.ndarray, control: np.ndarray, c: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        return {f"self_{name}": (self.project(name, context, control) + self.bias(c, name)) * self.places for name in self.to_self}

    def velocity(self, x: np.ndarray, t: float, control: np.ndarray, c: dict[str, np.ndarray], kv: dict[str, np.ndarray]) -> np.ndarray:
        total = np.zeros((2, 1, 1), np.float32)
        for n in range(self.sizes.depth):
            product = kv[f"self_k_{n:02d}"] * kv[f"self_v_{n:02d}"] * self.places
            total += product.mean(axis=(1, 2, 3))[:, None, None] + (n + 1) * c[f"cross_k_{n:02d}"].mean(axis=(1, 2, 3))[:, None, None]
            total += c[f"cross_v_{n:02d}"].max(axis=(1, 2, 3))[:, None, None]
        return np.float32(t) * x + np.tanh(total + control + c["global_embed"].mean()) * self.mixing

    def encode(self, audio: np.ndarray) -> np.ndarray:
        """Audio [1, N * frame_size] -> frames [1, C, N], as one stream."""
        z = self.sizes
        raw = (audio.reshape(1, -1, z.frame_size) @ self.encoder).transpose(0, 2, 1)
        frames, last = [], np.zeros((1, z.channels, 1), np.float32)
        for start in range(0, raw.shape[2], z.block):
            frames.append(raw[..., start : start + z.block] + 0.5 * last)
            last = frames[-1][..., -1:]
        return np.concatenate(frames, axis=2)

    def decode_state(self, frames: np.ndarray) -> np.ndarray:
        """Frames [1, C, N] -> audio [1, N * frame_size] of the state codec, whose tail begins at 0.25."""
        z = self.sizes
        audio, tail = [], np.float32(0.25)
        for start in range(0, frames.shape[2], z.block):
            part = (frames[..., start : start + z.block].transpose(0, 2, 1) @ self.decoder).reshape(1, -1) + tail
            tail = np.float32(0.5) * part[0, -1]
            audio.append(part)
        return np.concatenate(audio, axis=1)

    def decode_context(self, frames: np.ndarray) -> np.ndarray:
        """Frames [1, C, N], zeros around them -> audio [1, N * frame_size]: each frame with its neighbours."""
        padded = np.pad(frames, ((0, 0), (0, 0), (1, 1)))
        smooth = 0.5 * padded[..., :-2] + padded[..., 1:-1] + 0.25 * padded[..., 2:]
        return (smooth.transpose(0, 2, 1) @ self.decoder).reshape(1, -1)

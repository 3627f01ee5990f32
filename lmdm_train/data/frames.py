"""Latent frames of whole tracks, encoded once, and the random windows that training draws from them."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from lmdm_train.codec.base import Codec
from lmdm_train.data.captions import spoken
from lmdm_train.data.music import Track


@dataclass(frozen=True)
class EncodedTrack:
    """A track and its frames [latent_channels, N]."""

    track: Track
    frames: Tensor


def encode_tracks(codec: Codec, tracks: Sequence[Track], progress: Callable[[int], None] = lambda done: None) -> list[EncodedTrack]:
    """Encode every mix as one stream."""
    codec.eval()
    encoded = []
    for index, track in enumerate(tracks):
        audio = torch.from_numpy(track.mix(codec.sample_rate))
        audio = audio[: len(audio) // codec.frame_size * codec.frame_size]
        with torch.no_grad():
            frames = codec.encode(audio[None, None].expand(1, codec.audio_channels, -1))[0]
        encoded.append(EncodedTrack(track, frames))
        progress(index + 1)
    return encoded


def draw_windows(music: Sequence[EncodedTrack], batch: int, window: int, rng: random.Random) -> tuple[Tensor, list[str]]:
    """`batch` random crops [B, C, window] with one way each to ask for them; tracks shorter than a window are never drawn."""
    crops, prompts = [], []
    long_enough = [item for item in music if item.frames.shape[1] >= window]
    for _ in range(batch):
        item = rng.choice(long_enough)
        start = rng.randrange(item.frames.shape[1] - window + 1)
        crops.append(item.frames[:, start : start + window])
        prompts.append(spoken(item.track, rng))
    return torch.stack(crops), prompts

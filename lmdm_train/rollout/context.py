"""The clean context: latent frames that the network continues, newest last. A null frame is zeros; its mask stays 1."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from lmdm_train.codec.base import Codec
from lmdm_train.config import Layout
from lmdm_train.errors import RolloutError


def null_context(batch: int, channels: int, layout: Layout) -> Tensor:
    """Nothing has been heard yet: zeros, [batch, channels, context]."""
    return torch.zeros(batch, channels, layout.context)


def partially_null_context(context: Tensor, null_frames: int) -> Tensor:
    """The same context with its oldest `null_frames` frames null (paper §4.2)."""
    if not 0 <= null_frames <= context.shape[-1]:
        raise RolloutError(f"cannot make {null_frames} frames null in a context of {context.shape[-1]} frames")
    return torch.cat((torch.zeros_like(context[..., :null_frames]), context[..., null_frames:]), dim=-1)


def primed_context(frames: Tensor, layout: Layout) -> Tensor:
    """The newest `context` of the latent `frames` [B, C, N]; a shorter past leaves the oldest frames null."""
    newest = frames[..., -layout.context :]
    return F.pad(newest, (layout.context - newest.shape[-1], 0))


@torch.no_grad()
def encode_audio(codec: Codec, audio: Tensor, layout: Layout) -> Tensor:
    """Priming: audio [B, channels, samples] at the codec's rate -> clean context [B, C, context] that ends where the audio ends.

    Samples at the beginning that do not fill a frame are left out.

    Raises:
        RolloutError: wrong number of channels, or less than one frame of audio.
    """
    if audio.ndim != 3 or audio.shape[1] != codec.audio_channels:
        raise RolloutError(f"priming audio has shape {list(audio.shape)}, expected [batch, {codec.audio_channels}, samples]")
    whole = audio.shape[-1] // codec.frame_size * codec.frame_size
    if not whole:
        raise RolloutError(f"priming audio has {audio.shape[-1]} samples, less than one frame of {codec.frame_size}; give more audio")
    return primed_context(codec.encode(audio[..., -whole:]), layout)


def slide(context: Tensor, block: Tensor) -> Tensor:
    """Forget the oldest frames and take the new block in: `[x_clean[o:s], x0]` (last line of Algorithms 1 and 2)."""
    return torch.cat((context, block), dim=-1)[..., -context.shape[-1] :]

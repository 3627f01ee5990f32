"""Real pieces that an instrument is held against: the held-out ones, and others that say how far real music lies from real music."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from lmdm_train.codec.base import Codec
from lmdm_train.data.music import Track, find_tracks
from lmdm_train.errors import LmdmTrainError
from lmdm_train.evaluate.play import at_judge_rate, decode


def held_out_tracks(music: Path, least: int = 2) -> list[Track]:
    """Pieces that nothing was trained on, styles in turn.

    Raises:
        LmdmTrainError: there are fewer than `least`.
    """
    tracks = [track for track in find_tracks(music) if track.held_out]
    if len(tracks) < least:
        raise LmdmTrainError(f"{music} has {len(tracks)} held-out tracks, {least} are needed; compose more pieces: lmdm data compose")
    return tracks


def other_tracks(music: Path, count: int, seed: int = 0) -> list[Track]:
    """`count` pieces that are not held out, whole rounds of styles first, from a place that the seed decides."""
    tracks = [track for track in find_tracks(music) if not track.held_out]
    if not tracks:
        raise LmdmTrainError(f"{music} has held-out tracks alone, others are needed beside them; compose more pieces: lmdm data compose")
    first = np.random.default_rng(seed).integers(0, max(1, len(tracks) // 6)) * 6
    return [tracks[(first + i) % len(tracks)] for i in range(min(count, len(tracks)))]


def excerpts(tracks: Sequence[Track], rate: int, frame_size: int, seconds: float) -> Tensor:
    """The first whole frames of every mix [B, samples] at `rate`, as many seconds as all of them have, `seconds` at most."""
    return _even([torch.from_numpy(track.mix(rate)) for track in tracks], rate, frame_size, seconds)


def through_codec(codec: Codec, audio: Tensor) -> Tensor:
    """Mono audio [B, samples] at the codec's rate -> coded and decoded, mono, at SAMPLE_RATE."""
    return at_judge_rate(decode(codec, encode(codec, audio)), codec.sample_rate)


def encode(codec: Codec, audio: Tensor) -> Tensor:
    """Mono audio [B, samples] at the codec's rate -> frames [B, C, N] on the CPU."""
    device = next(codec.parameters()).device
    with torch.no_grad():
        return torch.cat([codec.encode(item[None, None].expand(1, codec.audio_channels, -1).to(device)).cpu() for item in audio])


def _even(pieces: Sequence[Tensor], rate: int, frame_size: int, seconds: float) -> Tensor:
    samples = min(int(seconds * rate), *(len(piece) for piece in pieces)) // frame_size * frame_size
    return torch.stack([piece[:samples] for piece in pieces])


def worsened(audio: Tensor, snr_db: float = 20.0, seed: int = 0) -> Tensor:
    """The control of every distance: the same audio [B, samples] under white noise, `snr_db` below each piece's own level."""
    noise = torch.randn(audio.shape, generator=torch.Generator().manual_seed(seed))
    return audio + noise * audio.square().mean(dim=1, keepdim=True).sqrt() * 10 ** (-snr_db / 20)

"""Codec stage: trains the spectral codec on rendered music."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from lmdm_train.codec.spectral import SpectralCodec
from lmdm_train.data.music import Track
from lmdm_train.stages.loop import scheduled_steps
from lmdm_train.stages.spectral_loss import spectral_distance


@dataclass(frozen=True)
class CodecTraining:
    """Settings of the codec stage. `latent_noise` is the standard deviation of noise on unit-variance latents, which makes
    the decoder tolerant of a generator's errors; `smoothness` weighs squared steps between neighbouring frames."""

    steps: int = 2000
    batch: int = 12
    frames: int = 40
    learning_rate: float = 1.5e-3
    latent_noise: float = 0.15
    smoothness: float = 0.02
    seed: int = 0


@dataclass(frozen=True)
class Prepared:
    """Waveform [samples] and analysis features [frames, features] (fp16) of one track."""

    audio: Tensor
    features: Tensor


def prepare(codec: SpectralCodec, tracks: list[Track], progress: Callable[[int], None] = lambda done: None) -> list[Prepared]:
    """The fixed analysis of every track, computed once."""
    prepared = []
    for index, track in enumerate(tracks):
        audio = torch.from_numpy(track.mix(codec.sample_rate))
        audio = audio[: len(audio) // codec.frame_size * codec.frame_size]
        history = codec.encoder_state()["history"][0]
        with torch.no_grad():
            features = codec.features(torch.cat([history, audio[None]], dim=1))[0]
        prepared.append(Prepared(audio, features.half()))
        progress(index + 1)
    return prepared


def train_codec(
    codec: SpectralCodec,
    music: list[Prepared],
    settings: CodecTraining,
    on_step: Callable[[int, float], None] = lambda step, loss: None,
    seconds: float | None = None,
) -> None:
    """Train in place until `steps`, or until `seconds` have passed; the learning rate falls as a cosine over whichever ends first."""
    rng = np.random.default_rng(settings.seed)
    torch.manual_seed(settings.seed)
    optimiser = torch.optim.AdamW(codec.parameters(), lr=settings.learning_rate, betas=(0.9, 0.98), weight_decay=1e-4)
    size, skip = codec.frame_size, 4
    codec.train()
    for step in scheduled_steps(optimiser, settings.steps, settings.learning_rate, warm_up=50, seconds=seconds):
        features, audio = _batch(music, rng, settings, size)
        frames = codec.encode_features(features)
        smooth = (frames[:, :, 1:] - frames[:, :, :-1]).square().mean()
        state = {k: v if k == "clock" else v.expand(settings.batch, -1, -1) for k, v in codec.decoder_state().items()}
        state["clock"] = torch.tensor([float(rng.integers(0, 1024))])
        made, _ = codec.decode_step(frames + settings.latent_noise * torch.randn_like(frames), state)
        loss = spectral_distance(made[:, 0, skip * size :], audio[:, skip * size :])
        optimiser.zero_grad()
        (loss + settings.smoothness * smooth).backward()
        torch.nn.utils.clip_grad_norm_(codec.parameters(), 1.0)
        optimiser.step()
        on_step(step, loss.item())
    codec.eval()


def _batch(music: list[Prepared], rng: np.random.Generator, settings: CodecTraining, size: int) -> tuple[Tensor, Tensor]:
    features, audio = [], []
    for _ in range(settings.batch):
        item = music[rng.integers(len(music))]
        start = int(rng.integers(0, item.features.shape[0] - settings.frames + 1))
        features.append(item.features[start : start + settings.frames].float())
        audio.append(item.audio[start * size : (start + settings.frames) * size])
    return torch.stack(features), torch.stack(audio)

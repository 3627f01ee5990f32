"""COCOLA score: how well a generated stem fits the stems it accompanies, file by file (paper section A.1, Table of accompaniment)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from lmdm_train.data.audio import read_audio
from lmdm_train.evaluate.adapters.base import Adapter, Request
from lmdm_train.evaluate.adapters.needs import Package, Weights, fit, imported, read_weights
from lmdm_train.evaluate.adapters.sounds import Array, pairs, windows

RATE, WINDOW_SECONDS, HOP_SECONDS, EMBEDDING, FEATURES = 16_000, 5.0, 2.5, 512, 1280
EFFICIENTNET = Package("efficientnet_pytorch", "efficientnet-pytorch>=0.7.1")


class Setting:
    """Stands for the enumerations of the repository's `contrastive_model.constants`, of which a published checkpoint holds members."""

    def __init__(self, value: str) -> None:
        self.value = value


class CocolaScore(Adapter):
    """Mono at 16 kHz, windows of 5 s every 2.5 s, the last filled with zeros; the mean over windows, then over files, of `xᵀ W y`.

    Sources: Ciranni et al. 2025 and gladia-research-group/cocola (contrastive_model.py, feature_extraction.py; model COCOLA_HP_v1, mode
    `both`); windows as lukewys/stream-music-gen, stream_music_gen/eval/cocola_eval.py, whose protocol the paper follows. `value` is taken
    after the layer norm and tanh through which W was trained; `value_before_norm` without them, as `CoCola.score` had it in one commit.
    """

    name = "cocola"
    title = "COCOLA score"
    better = "higher"
    packages = (EFFICIENTNET, Package("librosa", "librosa>=0.11"))
    weights = Weights(
        ("COCOLA_HP_v1.safetensors", "COCOLA_HP_v1.ckpt", "checkpoint-epoch=87-val_loss=0.00.ckpt"),
        "the README of github.com/gladia-research-group/cocola (COCOLA_HP_v1)",
    )

    def load(self, weights: Path, device: str) -> Cocola:
        names = ("ModelInputType", "EmbeddingMode", "ModelFeatureExtractorType", "FeatureExtractionTime", "Dataset")
        allowed: list[Any] = [(Setting, f"contrastive_model.constants.{name}") for name in names]
        network = imported(EFFICIENTNET, Cocola)
        with torch.serialization.safe_globals(allowed):
            tensors = read_weights(weights)
        fit(network, tensors, weights)
        return network.to(device)

    def measure(self, network: Cocola, request: Request) -> dict[str, float | int]:
        assert request.reference is not None
        both = pairs(request.reference, request.generated)
        trained, plain = [], []
        for heard, (context, stem) in enumerate(both.values(), 1):
            x, y = (features_of(path) for path in (context, stem))
            shared = min(len(x), len(y))
            one, other = network.score(x[:shared].to(request.device), y[:shared].to(request.device))
            trained.append(float(one.mean()))
            plain.append(float(other.mean()))
            request.tick(2 * heard)
        return {
            "value": float(np.mean(trained)),
            "spread": float(np.std(trained)),
            "value_before_norm": float(np.mean(plain)),
            "pairs": len(both),
        }


class Cocola(nn.Module):
    """The encoder and bilinear similarity of COCOLA_HP_v1, with the parameter names of its Lightning module."""

    def __init__(self) -> None:
        super().__init__()
        from efficientnet_pytorch import EfficientNet

        trunk = EfficientNet.from_name("efficientnet-b0", include_top=False, in_channels=2)
        self.encoder = nn.Module()
        self.encoder.encoder = nn.Module()
        self.encoder.encoder.model = nn.Sequential(trunk, nn.Dropout(0.1), nn.Flatten())
        self.encoder.projection = nn.Linear(FEATURES, EMBEDDING)
        self.layer_norm = nn.LayerNorm(EMBEDDING)
        self.similarity = nn.Module()
        self.similarity.w = nn.Parameter(0.05 * torch.randn(EMBEDDING, EMBEDDING))

    def embed(self, features: Tensor) -> Tensor:
        """[B, 2, mels, time] -> [B, 512], before the norm."""
        encoder: Any = self.encoder
        projected: Tensor = encoder.projection(encoder.encoder.model(features))
        return projected

    @torch.no_grad()
    def score(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Features [B, 2, mels, time] of contexts and of stems -> scores [B], after the norm and before it."""
        plain = [self.embed(item) for item in (x, y)]
        normed = [self.layer_norm(item).tanh() for item in plain]
        weight: Any = self.similarity.w
        one, other = ((left * (right @ weight.T)).sum(dim=1).cpu() for left, right in (normed, plain))
        return one, other


def features_of(path: Path) -> Tensor:
    """Windows of a file as features [windows, 2, 64, 501]."""
    audio = read_audio(path, RATE, 1)[0]
    cut = windows(audio, int(WINDOW_SECONDS * RATE), int(HOP_SECONDS * RATE))
    return torch.from_numpy(np.stack([harmonic_percussive(window) for window in cut]))


def harmonic_percussive(audio: Array) -> Array:
    """Mono audio [samples] at 16 kHz -> log-mel of its harmonic and of its percussive part, dB below the loudest, [2, 64, time]."""
    import librosa

    spectrum = librosa.stft(audio, n_fft=1024, win_length=400, hop_length=160)
    parts = []
    for part in librosa.decompose.hpss(spectrum):
        mel = librosa.feature.melspectrogram(S=np.abs(part) ** 2, sr=RATE, fmin=60.0, fmax=7800.0, n_mels=64)
        parts.append(librosa.power_to_db(mel, ref=np.max))
    return np.stack(parts).astype(np.float32)

"""Duration as a condition: a number, clamped, in learnt Fourier features (facts of Stable Audio's `seconds_total`)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


class LearntFourier(nn.Module):
    """`[x, sin(2 pi x w), cos(2 pi x w)]`; sines first, unlike the noise level's features."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.randn(features // 2))

    def forward(self, x: Tensor) -> Tensor:
        angles = 2 * math.pi * x[:, None] * self.weights[None, :]
        return torch.cat((x[:, None], angles.sin(), angles.cos()), dim=-1)


class NumberEmbedder(nn.Module):
    """Fourier features and one linear layer, [B] -> [B, width]."""

    def __init__(self, width: int, features: int) -> None:
        super().__init__()
        self.embedding = nn.Sequential(LearntFourier(features), nn.Linear(features + 1, width))

    def forward(self, x: Tensor) -> Tensor:
        return self.embedding(x)


class SecondsEmbedder(nn.Module):
    """Seconds [B], clamped to [minimum, maximum] and scaled to [0, 1], as an embedding [B, width]."""

    def __init__(self, width: int, minimum: float, maximum: float, features: int = 256) -> None:
        super().__init__()
        self.minimum, self.maximum = minimum, maximum
        self.embedder = NumberEmbedder(width, features)

    def forward(self, seconds: Tensor) -> Tensor:
        scaled = (seconds.clamp(self.minimum, self.maximum) - self.minimum) / (self.maximum - self.minimum)
        return self.embedder(scaled)

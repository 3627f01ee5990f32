"""Oobleck, the variational autoencoder of Stable Audio Open (Evans et al. 2024), with the state-dict keys of published files."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lmdm_train.codec.base import ContextCodec
from lmdm_train.codec.receptive import frames_around_decoded, frames_around_encoded
from lmdm_train.codec.weight_norm import WNConv1d, WNConvTranspose1d, fold_weight_norm
from lmdm_train.config import OobleckConfig
from lmdm_train.errors import ModelError

DILATIONS = (1, 3, 9)
KERNEL = 7


class Snake(nn.Module):
    """`x + sin^2(e^alpha x) / e^beta` with one alpha and beta for each channel (Ziyin et al. 2020; Lee et al. 2023)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.alpha = nn.Parameter(torch.zeros(channels))
        self.beta = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        alpha, beta = self.alpha[:, None].exp(), self.beta[:, None].exp()
        return x + torch.sin(alpha * x).square() / (beta + 1e-9)


class ResidualUnit(nn.Module):
    """Dilated convolution and a pointwise one, around a shortcut."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            Snake(channels),
            WNConv1d(channels, channels, KERNEL, dilation=dilation, padding=dilation * (KERNEL - 1) // 2),
            Snake(channels),
            WNConv1d(channels, channels, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layers(x)


class EncoderBlock(nn.Module):
    """Residual units, then a strided convolution."""

    def __init__(self, inside: int, outside: int, stride: int) -> None:
        super().__init__()
        down = WNConv1d(inside, outside, 2 * stride, stride=stride, padding=math.ceil(stride / 2))
        self.layers = nn.Sequential(*(ResidualUnit(inside, d) for d in DILATIONS), Snake(inside), down)

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


class DecoderBlock(nn.Module):
    """A transposed convolution, then residual units."""

    def __init__(self, inside: int, outside: int, stride: int) -> None:
        super().__init__()
        up = WNConvTranspose1d(inside, outside, 2 * stride, stride=stride, padding=math.ceil(stride / 2))
        self.layers = nn.Sequential(Snake(inside), up, *(ResidualUnit(outside, d) for d in DILATIONS))

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


class Coder(nn.Module):
    """A chain of layers under the name `layers`."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


def _encoder(config: OobleckConfig, widths: list[int]) -> Coder:
    blocks = [EncoderBlock(a, b, s) for a, b, s in zip(widths[:-1], widths[1:], config.strides, strict=True)]
    return Coder(
        WNConv1d(config.audio_channels, widths[0], KERNEL, padding=KERNEL // 2),
        *blocks,
        Snake(widths[-1]),
        WNConv1d(widths[-1], 2 * config.latent_channels, 3, padding=1),
    )


def _decoder(config: OobleckConfig, widths: list[int]) -> Coder:
    steps = zip(reversed(widths[1:]), reversed(widths[:-1]), reversed(config.strides), strict=True)
    return Coder(
        WNConv1d(config.latent_channels, widths[-1], KERNEL, padding=KERNEL // 2),
        *(DecoderBlock(a, b, s) for a, b, s in steps),
        Snake(widths[0]),
        WNConv1d(widths[0], config.audio_channels, KERNEL, padding=KERNEL // 2, bias=False),
    )


class Oobleck(ContextCodec):
    """Strided convolutional autoencoder with a Gaussian bottleneck. It looks to both sides, so a stream needs look-ahead."""

    def __init__(self, config: OobleckConfig) -> None:
        super().__init__()
        if len(config.strides) != len(config.channel_mults):
            raise ModelError(f"Oobleck needs one stride for each channel multiple, found {config.strides} and {config.channel_mults}")
        if any(stride % 2 for stride in config.strides):
            raise ModelError(f"Oobleck's strides must be even for whole frames, found {config.strides}")
        self.config = config
        self.sample_rate, self.audio_channels = config.sample_rate, config.audio_channels
        self.frame_size, self.latent_channels = config.frame_size, config.latent_channels
        widths = [config.base_channels * mult for mult in (1, *config.channel_mults)]
        self.encoder, self.decoder = _encoder(config, widths), _decoder(config, widths)

    def encode_distribution(self, audio: Tensor) -> tuple[Tensor, Tensor]:
        """Audio -> mean and standard deviation of the frames, each [B, latent_channels, N]."""
        mean, scale = self.encoder(audio).chunk(2, dim=1)
        return mean, F.softplus(scale) + 1e-4

    def encode(self, audio: Tensor) -> Tensor:
        return self.encoder(audio)[:, : self.latent_channels]

    def decode(self, frames: Tensor) -> Tensor:
        return self.decoder(frames)

    def encoder_context(self) -> tuple[int, int]:
        return frames_around_encoded(self.encoder, self.frame_size)

    def decoder_context(self) -> tuple[int, int]:
        return frames_around_decoded(self.decoder, self.frame_size)

    def fold_weight_norm(self) -> None:
        """Replace every `weight_g`, `weight_v` pair by its product; the outputs stay, the parameters become plain weights."""
        fold_weight_norm(self)

"""The discriminator's head: a ConvNeXt (Liu et al. 2022) over frames, with weight norm in place of norm layers (facts sheet §4)."""

from __future__ import annotations

import math

from torch import Tensor, nn
from torch.nn import functional as F

from lmdm_train.arc.settings import HeadSettings
from lmdm_train.codec.weight_norm import WNConv1d
from lmdm_train.errors import ModelError

KERNEL = 7


class ConvNeXtBlock(nn.Module):
    """Depthwise convolution, then a pointwise pair with GELU in between, around a residual; [B, channels, T] -> the same."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.depthwise = WNConv1d(channels, channels, KERNEL, padding=KERNEL // 2, groups=channels)
        self.expand = WNConv1d(channels, 4 * channels, 1)
        self.contract = WNConv1d(4 * channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.contract(F.gelu(self.expand(self.depthwise(x))))


class ConvNeXtHead(nn.Module):
    """Hidden states of frames [B, width, T] -> scores [B, T / product of the strides].

    For width 1024 it has the released 3,201,538 parameters. Its keys begin with `encoder` and end with `weight_g`, `weight_v` and
    `bias` like the released ones, whose middle parts are not documented.
    """

    def __init__(self, width: int, settings: HeadSettings) -> None:
        super().__init__()
        base = settings.channels or max(1, width // 8)
        layers: list[nn.Module] = [WNConv1d(width, base, KERNEL, padding=KERNEL // 2)]
        channels = base
        for multiple, stride in zip(settings.multiples, settings.strides, strict=True):
            layers += [ConvNeXtBlock(channels) for _ in range(settings.blocks)]
            layers.append(WNConv1d(channels, base * multiple, 2 * stride, stride=stride, padding=math.ceil(stride / 2)))
            channels = base * multiple
        layers.append(WNConv1d(channels, 1, 3, padding=1))
        self.encoder = nn.Sequential(*layers)
        self.shortest = math.prod(settings.strides)

    def forward(self, hidden: Tensor) -> Tensor:
        if hidden.shape[-1] < self.shortest:
            raise ModelError(f"the discriminator's head needs {self.shortest} frames, found {hidden.shape[-1]}; take more blocks")
        return self.encoder(hidden).squeeze(1)

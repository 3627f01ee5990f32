"""Convolutions under weight norm (Salimans and Kingma 2016), with the parameter names `weight_g` and `weight_v` of published files."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class _WeightNormed(nn.Module):
    """Splits `weight` into a direction `weight_v` and a norm `weight_g` over everything but dimension 0."""

    weight: Tensor
    weight_g: nn.Parameter
    weight_v: nn.Parameter

    def _split(self) -> None:
        weight = self.weight.detach()
        del self.weight
        self.weight_g = nn.Parameter(weight.norm(dim=(1, 2), keepdim=True))
        self.weight_v = nn.Parameter(weight.clone())

    @property
    def folded(self) -> bool:
        return "weight" in self._parameters

    def kernel(self) -> Tensor:
        """The weight that the convolution uses."""
        return self.weight if self.folded else torch._weight_norm(self.weight_v, self.weight_g, 0)

    def fold(self) -> None:
        """Keep the product only; irreversible."""
        if not self.folded:
            kernel = self.kernel().detach()
            del self.weight_g, self.weight_v
            self.weight = nn.Parameter(kernel)

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any) -> None:
        # A file that was written after folding has one weight: follow it.
        if f"{prefix}weight" in state_dict:
            self.fold()
        super()._load_from_state_dict(state_dict, prefix, *args)


class WNConv1d(_WeightNormed, nn.Conv1d):
    """Weight-normed `Conv1d`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._split()

    def forward(self, input: Tensor) -> Tensor:
        return F.conv1d(input, self.kernel(), self.bias, self.stride, self.padding, self.dilation, self.groups)


class WNConvTranspose1d(_WeightNormed, nn.ConvTranspose1d):
    """Weight-normed `ConvTranspose1d`; its dimension 0 is the input's channels."""

    padding: tuple[int, ...]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._split()

    def forward(self, input: Tensor, output_size: list[int] | None = None) -> Tensor:
        return F.conv_transpose1d(input, self.kernel(), self.bias, self.stride, self.padding)


def fold_weight_norm(module: nn.Module) -> None:
    """Fold every weight-normed convolution inside `module`, as an exported graph needs it."""
    for part in module.modules():
        if isinstance(part, _WeightNormed):
            part.fold()

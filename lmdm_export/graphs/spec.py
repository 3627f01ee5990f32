"""What one exported graph is: a module, its named example inputs and the names of its outputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class GraphSpec:
    """`module(*inputs.values())` returns one tensor for each name in `outputs`. Shapes of the examples are the graph's fixed shapes."""

    name: str
    module: nn.Module
    inputs: Mapping[str, Tensor]
    outputs: tuple[str, ...]

    @torch.no_grad()
    def run(self, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The torch reference of the graph on inputs by name."""
        made = self.module(*(inputs[name] for name in self.inputs))
        return dict(zip(self.outputs, made if isinstance(made, tuple) else (made,), strict=True))


def layer_names(stem: str, depth: int, suffix: str = "") -> tuple[str, ...]:
    """`stem_NN` for every layer, such as `cross_k_00`."""
    return tuple(f"{stem}_{layer:02d}{suffix}" for layer in range(depth))


def paired_names(first: str, second: str, depth: int) -> tuple[str, ...]:
    """`first_00, second_00, first_01, ...`: keys and values of each layer side by side."""
    return tuple(f"{stem}_{layer:02d}" for layer in range(depth) for stem in (first, second))

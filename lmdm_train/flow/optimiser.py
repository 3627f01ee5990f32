"""AdamW with parameter groups: what decays, and what learns at another rate."""

from __future__ import annotations

from collections import defaultdict
from typing import Any, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from lmdm_train.strict import Strict

# Frequencies of Fourier features are no weights that a decay would tame: towards zero they only lose resolution.
FREQUENCIES = ("timestep_features.weight", "embedder.embedding.0.weights")


class AdamWSettings(Strict):
    """AdamW; the run's schedule scales the rates. Defaults are those of the released fine-tune (facts sheet §1).

    Attributes:
        decays: `all` parameters, as released, or only the `matrices`: neither vectors nor the frequencies of Fourier features.
        additive_rate, text_rate: what the learning rate is multiplied by for the additive input, whose columns may be fresh in a network
            that is not, and for the own text encoder.
    """

    learning_rate: float = Field(default=5e-5, gt=0)
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = Field(default=1e-8, gt=0)
    weight_decay: float = Field(default=0.0, ge=0)
    decays: Literal["all", "matrices"] = "all"
    additive_rate: float = Field(default=1.0, gt=0)
    text_rate: float = Field(default=1.0, gt=0)

    def build(self, module: nn.Module) -> torch.optim.AdamW:
        """The optimiser of what is trained of an instrument, or of a module whose parts have an instrument's names."""
        groups: dict[tuple[float, float], list[Tensor]] = defaultdict(list)
        for name, parameter in module.named_parameters():
            if parameter.requires_grad:
                groups[self._rate(name), self._decay(name, parameter)].append(parameter)
        parts: list[dict[str, Any]] = [
            {"params": members, "lr": rate, "weight_decay": decay} for (rate, decay), members in sorted(groups.items(), key=lambda g: g[0])
        ]
        # The engine reports the rate of the first group: the network's own comes first.
        parts.sort(key=lambda part: part["lr"] != self.learning_rate)
        return torch.optim.AdamW(parts, lr=self.learning_rate, betas=self.betas, eps=self.eps)

    def _rate(self, name: str) -> float:
        if name.startswith("dit.to_input_add_embed."):
            return self.learning_rate * self.additive_rate
        return self.learning_rate * (self.text_rate if name.startswith("conditioner.text.") else 1.0)

    def _decay(self, name: str, parameter: Tensor) -> float:
        spared = self.decays == "matrices" and (parameter.ndim < 2 or name.endswith(FREQUENCIES))
        return 0.0 if spared else self.weight_decay

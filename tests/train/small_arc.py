"""A small game of ARC-Forcing: tiny instruments, and music that is drawn from a formula."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

import torch

from lmdm_train.arc.stage import ArcConfig, ArcStage
from lmdm_train.data.batch import Batch
from lmdm_train.model.instrument import Instrument
from lmdm_train.presets import preset
from tests.small_instruments import PROMPTS, randomise, tokenizer_model


@dataclass
class Music:
    """Frames around `level`, prompts in turn, and whatever controls are asked for."""

    level: float = 0.0
    spread: float = 1.0
    features: int = 0
    accompanied: bool = False
    prompts: tuple[str, ...] = tuple(PROMPTS)

    def draw(self, rng: random.Random, batch: int, length: int) -> Batch:
        generator = torch.Generator().manual_seed(rng.getrandbits(40))
        frames = self.level + self.spread * torch.randn(batch, 8, length, generator=generator)
        sketch = {"pitch": torch.rand(batch, self.features, length, generator=generator) * 60 - 60, "loudness": frames[:, :1] * 10 - 30}
        return Batch(
            frames,
            [self.prompts[i % len(self.prompts)] for i in range(batch)],
            torch.full((batch,), 1.0),
            features=sketch if self.features else {},
            accompaniment=frames.roll(1, 1) if self.accompanied else None,
        )


def small_config(**sections: Any) -> ArcConfig:
    base: dict[str, Any] = {
        "run": {"batch": 3, "tensorboard": False, "schedule": {"kind": "constant"}},
        "data": {"path": "."},
        "generator": {"init": "generator.safetensors"},
        "rollout": {"blocks": 3, "min_steps": 1, "max_steps": 3},
    }
    return ArcConfig.model_validate({name: {**base.get(name, {}), **sections.get(name, {})} for name in {**base, **sections}})


def trainable(name: str, seed: int, *, random_weights: bool = True) -> Instrument:
    instrument = Instrument(preset(name), tokenizer=tokenizer_model())
    if random_weights:
        randomise(instrument, seed)
    return instrument


def small_stage(name: str = "tiny", music: Music | None = None, *, random_weights: bool = True, **sections: Any) -> ArcStage:
    torch.manual_seed(0)
    generator, backbone = (trainable(name, seed, random_weights=random_weights) for seed in (1, 2))
    return ArcStage(small_config(**sections), generator, backbone, music or Music())

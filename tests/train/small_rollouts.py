"""Small random networks and rollouts for tests, and the distances between what two algorithms saw."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from functools import cache, cached_property
from itertools import islice
from typing import Any

import torch
from torch import Tensor

from lmdm_train.config import AdditiveInput, DiTConfig, Layout, Pattern, SamplingConfig
from lmdm_train.model.dit import Conditioning, DiT
from lmdm_train.rollout import Rollout, block_causal, encoder_decoder, outpainting
from lmdm_train.rollout.controls import ControlTimeline
from lmdm_train.rollout.noise import seeded_noise
from lmdm_train.rollout.prompts import BlockCondition, Conditions, Mix, PromptTimeline, mix_embeddings
from lmdm_train.rollout.setup import Evaluation

CHANNELS, TEXT_TOKENS, TEXT_WIDTH = 4, 3, 6


def random_dit(*, width: int = 64, heads: int = 2, depth: int = 3, controls: bool = False, seed: int = 0) -> DiT:
    """A network whose every parameter is random, also those that a fresh one starts at zero or one, so that nothing is silent."""
    additive = [AdditiveInput(name="inpaint_mask", channels=1), AdditiveInput(name="inpaint_masked_input", channels=CHANNELS)]
    if controls:
        additive.append(AdditiveInput(name="loudness", channels=2))
    config = DiTConfig(
        latent_channels=CHANNELS,
        width=width,
        depth=depth,
        heads=heads,
        ff_mult=2,
        text_width=TEXT_WIDTH,
        global_width=TEXT_WIDTH,
        time_features=16,
        additive=tuple(additive),
    )
    generator = torch.Generator().manual_seed(seed)
    dit = DiT(config)
    for name, parameter in dit.named_parameters():
        fan_in = parameter[0].numel() if parameter.ndim > 1 else 100
        random = torch.randn(parameter.shape, generator=generator) * fan_in**-0.5
        parameter.data = random if parameter.ndim > 1 or name.endswith("bias") else 1 + random
    return dit.requires_grad_(False)


def random_conditions(timeline: PromptTimeline, dtype: torch.dtype, *, seed: int = 1) -> Conditions:
    """Conditions of a timeline over the prompts a, b and c, whose embeddings are random. The same mix gives the same object."""
    generator = torch.Generator().manual_seed(seed)
    embeddings = {prompt: torch.randn(1, TEXT_TOKENS, TEXT_WIDTH, generator=generator) for prompt in "abc"}
    seconds = torch.randn(1, TEXT_WIDTH, generator=generator)

    @cache
    def condition(mix: Mix, dominant: str) -> BlockCondition:
        tokens = torch.cat((mix_embeddings(mix, embeddings.__getitem__), seconds[:, None]), dim=1)
        return BlockCondition(tokens.to(dtype), seconds.to(dtype), dominant)

    return lambda block: condition(timeline.at(block), timeline.dominant(block))


def make_rollout(
    pattern: Pattern,
    layout: Layout,
    *,
    controls: bool = False,
    timeline: PromptTimeline | None = None,
    primed: bool = True,
    dtype: torch.dtype = torch.float64,
    dit: DiT | None = None,
    noise_seed: int = 7,
    **sampling: Any,
) -> Rollout:
    """A rollout that collects. float64 by default, where algorithms that agree differ by 1e-13 and rounding hides no mistake."""
    dit = (dit or random_dit(controls=controls)).to(dtype)
    frames = torch.randn(1, 2, 400, generator=torch.Generator().manual_seed(3)).to(dtype)
    return Rollout(
        dit,
        layout,
        pattern,
        SamplingConfig(**{"solver": "euler", "steps": 3, "guidance": "none", **sampling}),
        random_conditions(timeline or PromptTimeline({0: "a"}), dtype),
        seeded_noise((1, CHANNELS, layout.block), noise_seed),
        start=torch.randn(1, CHANNELS, layout.context, generator=torch.Generator().manual_seed(2)) if primed else None,
        controls=ControlTimeline({"loudness": frames}, layout, history=layout.context) if controls else None,
        collect=[],
    )


ALGORITHMS = {"outpainting": outpainting, "encoder-decoder": encoder_decoder, "block-causal": block_causal}


def run(rollout: Rollout, blocks: int, algorithm: str | None = None) -> tuple[list[Tensor], list[Evaluation]]:
    """Blocks and passes of a fresh run of the rollout by the named algorithm, by default the cached one of its pattern."""
    rollout = dataclasses.replace(rollout, collect=[])
    stream: Iterator[Tensor] = ALGORITHMS[algorithm or rollout.pattern.kind](rollout)
    made = list(islice(stream, blocks))
    assert rollout.collect is not None
    return made, rollout.collect


def largest_difference(a: Tensor, b: Tensor) -> float:
    assert a.shape == b.shape, (a.shape, b.shape)
    return (a.double() - b.double()).abs().max().item()


class StaleCondition(Rollout):
    """A mistake to be caught: computes cross-attention keys and values once and never again."""

    @classmethod
    def like(cls, rollout: Rollout) -> StaleCondition:
        return cls(**{f.name: getattr(rollout, f.name) for f in dataclasses.fields(rollout)})

    @cached_property
    def first(self) -> Conditioning:
        return super().conditioning(self.conditions(0))

    def conditioning(self, condition: BlockCondition) -> Conditioning:
        return self.first

"""What the three algorithms share: the network and its settings, and how one block is sampled from noise."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from lmdm_train.config import Layout, Pattern, SamplingConfig
from lmdm_train.errors import RolloutError
from lmdm_train.model.attention import LayerKV
from lmdm_train.model.dit import Conditioning, DiT
from lmdm_train.model.instrument import Instrument
from lmdm_train.model.routing import additive_input
from lmdm_train.rollout.context import null_context, partially_null_context
from lmdm_train.rollout.controls import Controls
from lmdm_train.rollout.prompts import BlockCondition, Conditions, PromptTimeline, prompt_conditions
from lmdm_train.sampling.guidance import Guidance, Guided
from lmdm_train.sampling.schedule import logsnr_schedule
from lmdm_train.sampling.solvers import require_guidance, solve

Noise = Callable[[int, int], Tensor]
# network(x [batch, C, o], t [batch], hidden): velocity of the noisy block; `hidden` receives the state after each layer.
Network = Callable[[Tensor, Tensor, list[Tensor] | None], Tensor]


class Evaluation(NamedTuple):
    """One pass through the network, kept for tests. Tensors of the network's batch are conditioned items first, null items second.

    `stage`: `window` (masked full forward), `context` (encoder) or `block` (cached decoder). `x` [B, C, o] is the noisy block at level `t`,
    `velocity` its unguided velocity; a context pass has neither. `hidden`: the state after each layer.
    """

    block: int
    stage: Literal["window", "context", "block"]
    hidden: list[Tensor]
    t: float | None = None
    x: Tensor | None = None
    velocity: Tensor | None = None


@dataclass(frozen=True)
class Rollout:
    """One closed-loop generation, whichever algorithm runs it.

    Args:
        conditions: block index -> condition; asked once a block, in order.
        noise: `noise(block, draw)` -> [B, C, o]; draw 0 starts the block, draw j >= 1 renoises after step j.
        start: clean context to continue, [B, C, context]; None starts from a null context.
        controls: block index -> local controls over the window, [B, channels, window] each.
        schedule: noise levels [steps + 1]; by default the log-SNR schedule of `sampling`.
        collect: receives every pass through the network.

    Raises:
        SamplingError: the solver has no form for the guidance.
        RolloutError: `start` does not have the shape of a context.
    """

    dit: DiT
    layout: Layout
    pattern: Pattern
    sampling: SamplingConfig
    conditions: Conditions
    noise: Noise
    start: Tensor | None = None
    controls: Controls | None = None
    schedule: Tensor | None = None
    collect: list[Evaluation] | None = None

    def __post_init__(self) -> None:
        require_guidance(self.sampling.solver, self.sampling.guidance)
        expected = (self.dit.config.latent_channels, self.layout.context)
        if self.start is not None and (self.start.ndim != 3 or self.start.shape[1:] != expected):
            raise RolloutError(f"the starting context has shape {list(self.start.shape)}, expected [batch, {expected[0]}, {expected[1]}]")

    @classmethod
    def of(
        cls,
        instrument: Instrument,
        timeline: PromptTimeline,
        noise: Noise,
        *,
        seconds: float,
        embeddings: Mapping[str, Tensor] | None = None,
        start: Tensor | None = None,
        controls: Controls | None = None,
        collect: list[Evaluation] | None = None,
    ) -> Rollout:
        """The rollout of an instrument's own settings, prompted by a timeline; `seconds` and `embeddings` as in `prompt_conditions`."""
        config = instrument.config
        conditions = prompt_conditions(timeline, instrument.conditioner, seconds, embeddings=embeddings)
        return cls(
            instrument.dit,
            config.layout,
            config.pattern,
            config.sampling,
            conditions,
            noise,
            start=start,
            controls=controls,
            collect=collect,
        )

    @cached_property
    def guidance(self) -> Guidance:
        return Guidance(self.sampling.guidance, self.sampling.guidance_scale)

    @cached_property
    def levels(self) -> Tensor:
        if self.schedule is not None:
            return self.schedule
        return logsnr_schedule(self.sampling.steps, self.sampling.logsnr_start, self.sampling.logsnr_end)

    def positions(self, first: int, last: int) -> Tensor:
        """Rotary positions first..last. The window's frames have 1..window, however long the rollout runs; the global token has 0."""
        return torch.arange(first, last + 1, device=self._like.device)

    def enter(self, block: int, previous: BlockCondition | None, clean: Tensor | None) -> tuple[BlockCondition, Tensor, bool]:
        """Condition and clean context of a block, and whether the dominant prompt has just changed.

        A change nulls the oldest `context_drop` frames, once; they slide out like any other (facts sheet §3, prompt transitions).
        """
        condition = self.conditions(block)
        if clean is None:
            clean = self.start
        if clean is None:
            clean = null_context(len(condition.cross_tokens), self.dit.config.latent_channels, self.layout)
        clean = clean.to(self._like)
        changed = previous is not None and condition.dominant != previous.dominant
        if changed:
            clean = partially_null_context(clean, self.sampling.context_drop)
        return condition, clean, changed

    def network_condition(self, condition: BlockCondition) -> tuple[Tensor, Tensor]:
        """Cross tokens and global condition of the network's batch."""
        return self.guidance.null_text(condition.cross_tokens), self.guidance.tile(condition.global_cond)

    def conditioning(self, condition: BlockCondition) -> Conditioning:
        """Cross-attention keys and values and global embedding of the network's batch."""
        return self.dit.condition(*self.network_condition(condition))

    def additive(self, block: int, clean: Tensor) -> Tensor:
        """Additive input over the window for the network's batch; never guided, so every copy is the same."""
        controls = None if self.controls is None else self.controls(block)
        return self.guidance.tile(additive_input(self.dit.config, clean, controls, self.layout))

    def observe(self, evaluation: Evaluation) -> None:
        if self.collect is not None:
            self.collect.append(evaluation)

    def hidden(self) -> list[Tensor] | None:
        """A fresh list for the hidden states of one pass, or None when nobody looks."""
        return None if self.collect is None else []

    def decoder(self, kv: Sequence[LayerKV], c: Conditioning, additive: Tensor) -> Network:
        """`v(x, c, t | KV)` of Algorithms 2 and 3: the cached decoder at the window's last positions."""
        s, window = self.layout.context, self.layout.window

        def network(x: Tensor, t: Tensor, hidden: list[Tensor] | None) -> Tensor:
            return self.dit.decode_block(x, t, c, kv, additive=additive[..., s:], positions=self.positions(s + 1, window), collect=hidden)

        return network

    def sample(self, block: int, stage: Literal["window", "block"], network: Network) -> Tensor:
        """Solves one block from noise (the loop over j in every algorithm)."""

        def noise(draw: int) -> Tensor:
            return self.noise(block, draw).to(self._like)

        def velocity(x: Tensor, t: float) -> Guided:
            hidden, tiled = self.hidden(), self.guidance.tile(x)
            v = network(tiled, tiled.new_full((len(tiled),), t), hidden)
            self.observe(Evaluation(block, stage, hidden or [], t, x, v))
            return self.guidance.combine(v)

        return solve(self.sampling.solver, velocity, noise(0), self.levels, noise)

    @property
    def _like(self) -> Tensor:
        return next(self.dit.parameters())

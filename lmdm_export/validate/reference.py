"""The torch side: the checkpoint's own rollouts and decoder in float32 and float64, on the noise and prompts of a scenario."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Iterator
from functools import cached_property
from itertools import islice

import numpy as np
import torch
from torch import Tensor

from lmdm_export.validate.scenario import Scenario, control_values
from lmdm_runtime.noise import Noise
from lmdm_train.config import SamplingConfig
from lmdm_train.model.instrument import Instrument
from lmdm_train.rollout import Rollout, cached_blocks, outpainting
from lmdm_train.rollout.controls import ControlTimeline
from lmdm_train.rollout.prompts import PromptTimeline

Tick = Callable[[], object]


@dataclasses.dataclass
class Reference:
    """An instrument as torch runs it with a bundle's sampling settings.

    `sampling` and `schedule` are the bundle's, which may differ from the checkpoint's; `seconds` is the length the network is told.
    """

    instrument: Instrument
    sampling: SamplingConfig
    schedule: Tensor
    seconds: float

    @cached_property
    def precise(self) -> Instrument:
        """The same instrument with every weight and operation in float64."""
        return copy.deepcopy(self.instrument).double()

    def of(self, dtype: torch.dtype) -> Instrument:
        return self.precise if dtype == torch.float64 else self.instrument

    @torch.no_grad()
    def embeddings(self, prompts: list[str], dtype: torch.dtype = torch.float32) -> dict[str, Tensor]:
        """Prompt -> text embedding [1, T, W]; random by prompt for an instrument without a text encoder."""
        conditioner, text = self.of(dtype).conditioner, self.instrument.config.text
        if text.kind == "none":
            return {p: torch.from_numpy(random_embedding(p, text.tokens, text.width)).to(dtype) for p in prompts}
        made = {}
        for prompt in prompts:
            ids, mask = conditioner.tokenize([prompt])
            made[prompt] = conditioner.encode_text(ids, mask.to(dtype))
        return made

    def rollout(self, scenario: Scenario, *, dtype: torch.dtype = torch.float32, masked: bool = False, perturbation: float = 0.0) -> Rollout:
        """The scenario as a rollout. `perturbation` adds a Gaussian of that size to the noise that starts every block."""
        instrument = self.of(dtype)
        layout, channels = instrument.config.layout, instrument.config.dit.latent_channels
        noise, shape = Noise(scenario.seed), (1, channels, layout.block)
        disturbance = Noise(scenario.seed + 1)

        def draw(block: int, number: int) -> Tensor:
            drawn = torch.from_numpy(noise.block(block, number, shape)).to(dtype)
            if perturbation and number == 0:
                drawn = drawn + perturbation * torch.from_numpy(disturbance.block(block, number, shape)).to(dtype)
            return drawn

        timeline = PromptTimeline(scenario.timeline)
        prompts = sorted({prompt for mix in scenario.timeline.values() for prompt, _ in mix})
        rollout = Rollout.of(
            instrument,
            timeline,
            draw,
            seconds=self.seconds,
            embeddings=self.embeddings(prompts, dtype),
            controls=self._controls(scenario, dtype),
        )
        return dataclasses.replace(rollout, sampling=self.sampling, schedule=self.schedule)

    def blocks(self, scenario: Scenario, *, count: int | None = None, masked: bool = False, tick: Tick | None = None, **how) -> np.ndarray:  # type: ignore[no-untyped-def]
        """The scenario's clean blocks [blocks, channels, o], by the cached algorithm or, `masked`, by Algorithm 1."""
        rollout = self.rollout(scenario, **how)
        stream: Iterator[Tensor] = outpainting(rollout) if masked else cached_blocks(rollout)
        made = []
        for block in islice(stream, count or scenario.blocks):
            made.append(block[0].double().numpy())
            if tick is not None:
                tick()
        return np.stack(made)

    @torch.no_grad()
    def decode(self, frames: np.ndarray, dtype: torch.dtype = torch.float32) -> np.ndarray:
        """All frames [channels, N] at once -> audio [channels, N * frame_size]."""
        return self.of(dtype).codec.decode(torch.from_numpy(frames).to(dtype)[None])[0].double().numpy()

    def _controls(self, scenario: Scenario, dtype: torch.dtype) -> ControlTimeline | None:
        config = self.instrument.config
        if not config.dit.controls:
            return None
        frames = scenario.blocks * config.layout.block
        values = {c.name: control_values(c.name, c.channels, frames, scenario.seed) for c in config.dit.controls}
        return ControlTimeline({name: torch.from_numpy(v).to(dtype)[None] for name, v in values.items()}, config.layout)


def random_embedding(prompt: str, tokens: int, width: int) -> np.ndarray:
    """A float32 [1, tokens, width] that stands for a prompt where the caller supplies embeddings."""
    return np.random.default_rng([*prompt.encode()]).standard_normal((1, tokens, width), dtype=np.float32)

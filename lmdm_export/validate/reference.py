"""The torch side: an instrument's own rollouts and codec in float32 and float64, on the noise and prompts of a scenario."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Iterator
from functools import cached_property
from itertools import islice

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lmdm_export.validate.scenario import Scenario
from lmdm_export.validate.torch_controls import control_frames, windows
from lmdm_export.validate.truth import Tick
from lmdm_runtime.manifest import Streaming
from lmdm_runtime.noise import Noise
from lmdm_train.model.instrument import Instrument
from lmdm_train.rollout import Rollout, cached_blocks, outpainting
from lmdm_train.rollout.context import primed_context
from lmdm_train.rollout.prompts import PromptTimeline

Floats = NDArray[np.float64]


@dataclasses.dataclass
class Reference:
    """An instrument under a bundle's settings. `schedule` is the bundle's, `seconds` the length that the network is told."""

    instrument: Instrument
    schedule: tuple[float, ...]
    seconds: float

    @cached_property
    def precise(self) -> Instrument:
        """The same instrument with every weight and operation in float64."""
        return copy.deepcopy(self.instrument).double()

    def of(self, dtype: torch.dtype) -> Instrument:
        return self.precise if dtype == torch.float64 else self.instrument

    def rollout(
        self,
        scenario: Scenario,
        dtype: torch.dtype,
        *,
        start: Tensor | None = None,
        primer: NDArray[np.float32] | None = None,
        context_drop: int | None = None,
        disturbance: float = 0.0,
    ) -> Rollout:
        """The scenario as a rollout.

        Args:
            start: clean context [1, C, context]; None is null.
            primer: the audio that `start` was encoded from, [channels, whole frames].
            context_drop: None keeps the instrument's.
            disturbance: size of a Gaussian added to the noise that starts every block.
        """
        instrument = self.of(dtype)
        layout = instrument.config.layout
        noise, shape = Noise(scenario.seed), (1, instrument.config.dit.latent_channels, layout.block)
        other = Noise(scenario.seed + 1_000)

        def draw(block: int, number: int) -> Tensor:
            drawn = torch.from_numpy(noise.block(block, number, shape)).to(dtype)
            if disturbance and number == 0:
                drawn = drawn + disturbance * torch.from_numpy(other.block(block, number, shape)).to(dtype)
            return drawn

        rollout = Rollout.of(
            instrument,
            PromptTimeline(scenario.timeline),
            draw,
            seconds=self.seconds,
            embeddings=self._embeddings(scenario, dtype),
            start=start,
            controls=windows(instrument.config, control_frames(instrument.config, scenario, dtype, primer)),
        )
        changes = {} if context_drop is None else {"context_drop": context_drop}
        return dataclasses.replace(rollout, sampling=rollout.sampling.model_copy(update=changes), schedule=torch.tensor(self.schedule))

    def blocks(self, rollout: Rollout, count: int, *, masked: bool = False, tick: Tick | None = None) -> Floats:
        """Clean blocks [count, channels, o] by the cached algorithm or, `masked`, by Algorithm 1: one masked forward over the window."""
        stream: Iterator[Tensor] = outpainting(rollout) if masked else cached_blocks(rollout)
        made = []
        for block in islice(stream, count):
            made.append(block[0].double().numpy())
            if tick is not None:
                tick()
        return np.stack(made)

    @torch.no_grad()
    def primed(self, audio: NDArray[np.float32], streaming: Streaming, dtype: torch.dtype) -> Tensor:
        """Audio [channels, whole frames] as clean context [1, C, context]; silence surrounds it where the encoder looks to both sides."""
        instrument = self.of(dtype)
        size = instrument.codec.frame_size
        around = (streaming.left * size, streaming.right * size) if streaming.kind == "context" else (0, 0)
        frames = instrument.codec.encode(torch.nn.functional.pad(torch.from_numpy(audio).to(dtype)[None], around))
        count, first = audio.shape[1] // size, around[0] // size
        return primed_context(frames[..., first : first + count], instrument.config.layout)

    @torch.no_grad()
    def decoded(self, frames: NDArray[np.float32], streaming: Streaming, dtype: torch.dtype) -> Floats:
        """All frames [channels, N] at once -> audio [channels, N * frame_size]. Null frames stand before them where the decoder looks back,
        as they do in a stream that has heard nothing."""
        codec = self.of(dtype).codec
        left = streaming.left if streaming.kind == "context" else 0
        audio = codec.decode(torch.nn.functional.pad(torch.from_numpy(frames).to(dtype)[None], (left, 0)))
        return audio[0, :, left * codec.frame_size :].double().numpy()

    @torch.no_grad()
    def crossfaded(self, frames: NDArray[np.float32], streaming: Streaming, dtype: torch.dtype) -> Floats:
        """What a stream gives that waits `fade` frames only and blends what later frames change: [channels, (N - fade) * frame_size]."""
        codec, block = self.of(dtype).codec, self.instrument.config.layout.block
        left, fade, size = streaming.left, streaming.fade, codec.frame_size
        padded = torch.nn.functional.pad(torch.from_numpy(frames).to(dtype)[None], (left + fade, 0))
        rise = (torch.arange(fade * size, dtype=dtype) + 0.5) / (fade * size)
        parts: list[Tensor] = []
        held = None
        for start in range(0, frames.shape[1] - block + 1, block):
            audio = codec.decode(padded[..., start : start + left + block + fade])[0, :, left * size :]
            beginning, middle, end = audio.split((fade * size, (block - fade) * size, fade * size), dim=1)
            parts += [beginning if held is None else held + rise * (beginning - held), middle]
            held = end
        return torch.cat(parts, dim=1)[:, fade * size :].double().numpy()

    @torch.no_grad()
    def _embeddings(self, scenario: Scenario, dtype: torch.dtype) -> dict[str, Tensor]:
        if scenario.embeddings:
            return {prompt: torch.from_numpy(embedding).to(dtype) for prompt, embedding in scenario.embeddings.items()}
        conditioner, made = self.of(dtype).conditioner, {}
        for prompt in scenario.prompts:
            ids, mask = conditioner.tokenize([prompt])
            made[prompt] = conditioner.encode_text(ids, mask.to(dtype))
        return made

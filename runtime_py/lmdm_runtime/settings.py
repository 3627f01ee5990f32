"""What a session may choose over what its bundle says, when it begins and between two blocks."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TypedDict

from lmdm_runtime.errors import SessionError
from lmdm_runtime.manifest import Manifest, SamplingEntry
from lmdm_runtime.noise import Noise
from lmdm_runtime.solvers import logsnr_schedule, require_schedule

MOST_STEPS = 1000


class Tuning(TypedDict, total=False):
    """What may change between two blocks.

    seed: key of the noise.
    steps: solver steps a block; 0 is the bundle's schedule.
    guidance_scale: of CFG, or the lambda of CFG++.
    context_drop: oldest frames of context that a change of the dominant prompt forgets, 0 to the context.
    feedback: 0 to 1, gain with which a block enters the context of those after it. 1: the paper's rollout; 0: every block begins from
        null context, though the controls that were played stay in sight.
    hold_noise: the next blocks get the noise of the newest block, before the first that of block 0.
    """

    seed: int
    steps: int
    guidance_scale: float
    context_drop: int
    feedback: float
    hold_noise: bool


@dataclass(frozen=True)
class Settings:
    """What the next blocks are made with: noise levels that fall to 0, and the values of a `Tuning`."""

    manifest: Manifest
    noise: Noise
    schedule: tuple[float, ...]
    guidance_scale: float
    context_drop: int
    feedback: float = 1.0
    hold_noise: bool = False

    @classmethod
    def of(cls, manifest: Manifest, seed: int, steps: int | None, guidance_scale: float | None) -> Settings:
        """Those of the bundle, but for what is given.

        Raises:
            SessionError: what is given cannot be served.
        """
        sampling = manifest.sampling
        schedule, scale = chosen_schedule(sampling, steps), chosen_scale(sampling, guidance_scale)
        return cls(manifest, chosen_noise(seed), schedule, scale, sampling.context_drop)

    def tuned(
        self,
        seed: int | None = None,
        steps: int | None = None,
        guidance_scale: float | None = None,
        context_drop: int | None = None,
        feedback: float | None = None,
        hold_noise: bool | None = None,
    ) -> Settings:
        """The same with what is given; see `Tuning`.

        Raises:
            SessionError: a value that is out of range or that the bundle cannot serve.
        """
        sampling, context, made = self.manifest.sampling, self.manifest.model.context, self
        if seed is not None:
            made = replace(made, noise=chosen_noise(seed))
        if steps is not None:
            made = replace(made, schedule=chosen_schedule(sampling, None if steps == 0 else steps))
        if guidance_scale is not None:
            made = replace(made, guidance_scale=chosen_scale(sampling, guidance_scale))
        if context_drop is not None:
            if not 0 <= context_drop <= context:
                raise SessionError(f"a change of prompt forgets 0 to {context} frames of context, found {context_drop}")
            made = replace(made, context_drop=context_drop)
        if feedback is not None:
            if not 0 <= feedback <= 1:
                raise SessionError(f"feedback is a gain from 0 to 1, found {float(feedback)}")
            made = replace(made, feedback=float(feedback))
        return made if hold_noise is None else replace(made, hold_noise=hold_noise)


def chosen_noise(seed: int) -> Noise:
    """The noise of a seed."""
    try:
        return Noise(seed)
    except (ValueError, TypeError) as error:
        raise SessionError(str(error)) from None


def chosen_schedule(sampling: SamplingEntry, steps: int | None) -> tuple[float, ...]:
    """The bundle's noise levels, or the log-SNR schedule of so many steps."""
    if steps is None:
        return require_schedule(sampling.schedule)
    if not isinstance(steps, int) or not 1 <= steps <= MOST_STEPS:
        raise SessionError(f"a block takes 1 to {MOST_STEPS} steps, found {steps}")
    return logsnr_schedule(steps, sampling.logsnr_start, sampling.logsnr_end)


def chosen_scale(sampling: SamplingEntry, scale: float | None) -> float:
    """The bundle's guidance scale, or another where there is guidance."""
    if scale is None:
        return sampling.guidance_scale
    if not math.isfinite(scale):
        raise SessionError(f"a guidance scale is a finite number, found {scale}")
    if sampling.guidance == "none" and scale != 1:
        raise SessionError("this bundle was exported without guidance and has no scale to set; export it with guidance cfg")
    return float(scale)

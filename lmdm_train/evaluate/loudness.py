"""Does an instrument obey a loudness that nobody played? Levels that are drawn, so that the music cannot have had them by itself."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from lmdm_train.control import LoudnessControl
from lmdm_train.control.sketch import raw_features, sketch_controls
from lmdm_train.errors import LmdmTrainError
from lmdm_train.evaluate.play import OnBlock
from lmdm_train.evaluate.sketch import Prompts, Sketches, play_sketches
from lmdm_train.model.instrument import Instrument

FLAT_DB = (-40.0, -20.0)
SWELL_DB = (-40.0, -15.0)
SWELL_SECONDS = 7.5
WINDOW_SECONDS = 0.75
SWELL_NEEDS_SECONDS = 10.0
"""With a block that may be cut off at the end."""


@dataclass(frozen=True)
class Swell:
    """How a slow swell is followed; `shifted` is the correlation with the swell a third of its period late (control)."""

    correlation: float
    shifted: float
    slope: float


def loudness_response(
    instrument: Instrument, sketches: Sketches, *, prompts: Prompts = "own", seed: int = 0, on_block: OnBlock = lambda done: None
) -> float:
    """Decibels that the output rises for each decibel that is asked for: 1 follows, 0 ignores. Asks flat levels of -40 and -20 dB.

    Unlike a correlation it cannot be high because the music would have risen and fallen that way by itself.

    Raises:
        LmdmTrainError: the instrument has no loudness control.
    """
    levels = []
    for asked in FLAT_DB:
        heard = _heard(instrument, sketches, np.full(sketches.frames.shape[2], asked), prompts, seed, on_block)
        levels.append(float(heard[..., heard.shape[-1] // 4 :].mean()))
    return (levels[1] - levels[0]) / (FLAT_DB[1] - FLAT_DB[0])


def swell_following(
    instrument: Instrument, sketches: Sketches, *, prompts: Prompts = "own", seed: int = 0, on_block: OnBlock = lambda done: None
) -> Swell:
    """How rollouts follow a level that rises and falls once in 7.5 s between -40 and -15 dB, both averaged over 0.75 s.

    `slope` is in decibels heard for each one asked. Beats are shorter than the average, which is what a player hears of a swell.

    Raises:
        LmdmTrainError: the instrument has no loudness control, or the rollout is shorter than one swell.
    """
    config = instrument.config
    rate = config.codec.sample_rate / config.codec.frame_size
    period, window = round(SWELL_SECONDS * rate), max(1, round(WINDOW_SECONDS * rate))
    start, count = config.layout.context, sketches.blocks * config.layout.block
    if count < period + window:
        raise LmdmTrainError(f"{count / rate:.1f} s are too short for a swell of {SWELL_SECONDS} s; ask for more seconds")
    low, high = SWELL_DB
    asked = (low + high) / 2 - (high - low) / 2 * np.cos(2 * np.pi * (np.arange(sketches.frames.shape[2]) - start) / period)
    heard = _heard(instrument, sketches, asked, prompts, seed, on_block).numpy()
    slow, target = _averaged(heard, window), _averaged(asked[start : start + count], window)
    late = np.roll(target, period // 3)
    return Swell(
        correlation=float(np.mean([np.corrcoef(item, target)[0, 1] for item in slow])),
        shifted=float(np.mean([np.corrcoef(item, late)[0, 1] for item in slow])),
        slope=float(np.mean([np.polyfit(target, item, 1)[0] for item in slow])),
    )


def _heard(instrument: Instrument, sketches: Sketches, asked: np.ndarray, prompts: Prompts, seed: int, on_block: OnBlock) -> Tensor:
    """Levels in dB [B, N] of rollouts that are asked for these of the sketches' frames."""
    control = next((control for control in sketch_controls(sketches.config) if isinstance(control, LoudnessControl)), None)
    if control is None:
        raise LmdmTrainError(f"{sketches.config.name} has no loudness control; measure its response with one that has")
    shaped = control.shape(torch.from_numpy(asked).float()[None, None]).expand(len(sketches.frames), -1, -1)
    drawn = replace(sketches, controls={"loudness": torch.cat((torch.ones_like(shaped[:, :1]), shaped), dim=1)})
    audio = play_sketches(instrument, drawn, prompts=prompts, seed=seed, on_block=on_block)
    return raw_features(sketches.config, audio)["loudness"][:, 0].clamp(min=control.lowest_db)


def _averaged(level: np.ndarray, window: int) -> np.ndarray:
    """Mean power over `window` frames, in dB, along the last axis."""
    power = np.lib.stride_tricks.sliding_window_view(10 ** (level / 10), window, axis=-1)
    return np.asarray(10 * np.log10(power.mean(axis=-1)))

"""Local controls on the torch side: what a scenario gives an instrument, as frames and as the window of each block sees them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from lmdm_export.validate.scenario import Scenario, control_values, sketch_signal
from lmdm_train.config import InstrumentConfig
from lmdm_train.control import AccompanimentControl
from lmdm_train.control.batch import window_controls
from lmdm_train.control.sketch import MEDIANS, Sketch, sketch_controls
from lmdm_train.rollout.controls import Controls

SMOOTHING = MEDIANS[1]


def controlled(scenario: Scenario, config: InstrumentConfig) -> Scenario:
    """The scenario with every control that the instrument takes: a recording to sketch from, frames of another stem, moving values."""
    frames = scenario.blocks * config.layout.block
    claimed = {name for control in config.controls for name, _ in control.groups(config.dit.latent_channels)}
    free = [group for group in config.dit.controls if group.name not in claimed]
    changes: dict[str, object] = {"controls": {g.name: control_values(g.name, g.channels, frames, scenario.seed) for g in free}}
    if sketch_controls(config):
        signal = sketch_signal(frames * config.codec.frame_size, config.codec.sample_rate)
        changes |= {"sketch": signal, "sketched": tuple(c.kind for c in sketch_controls(config)), "smoothing": SMOOTHING}
    if any(isinstance(control, AccompanimentControl) for control in config.controls):
        changes["accompaniment"] = control_values("accompaniment", config.dit.latent_channels, frames, scenario.seed)
    return replace(scenario, **changes)  # type: ignore[arg-type]


def control_frames(
    config: InstrumentConfig, scenario: Scenario, dtype: torch.dtype, primer: NDArray[np.float32] | None = None
) -> dict[str, Tensor]:
    """Controls over the context before block 0 and all blocks, [1, channels, context + N] by group.

    Args:
        primer: audio [channels, samples] that the context was encoded from; its end is sketched too. Without it the context has no sketch.
    """
    s = config.layout.context
    made = {name: F.pad(torch.from_numpy(values).to(dtype)[None], (s, 0)) for name, values in scenario.controls.items()}
    if scenario.sketch is not None:
        drawn = sketched(config, np.tile(scenario.sketch, (config.codec.audio_channels, 1)), scenario.smoothing, dtype)
        before = {} if primer is None else sketched(config, primer, scenario.smoothing, dtype)
        for name, values in drawn.items():
            history = before[name][..., -s:] if name in before else values[..., :0]
            made[name] = torch.cat((F.pad(history, (s - history.shape[-1], 0)), values), dim=-1)
    if scenario.accompaniment is not None:
        other = F.pad(torch.from_numpy(scenario.accompaniment).to(dtype)[None], (s, 0))
        made |= {"accomp_mask": torch.ones_like(other[:, :1]), "accomp_input": other}
    return made


@torch.no_grad()
def sketched(config: InstrumentConfig, audio: NDArray[np.float32], median: int, dtype: torch.dtype) -> dict[str, Tensor]:
    """Sketch controls of audio [channels, N * frame_size] after silence, analysed at once: [1, channels, N] by group."""
    sketch = Sketch(config).to(dtype)
    state = {name: value.to(dtype) for name, value in sketch.state().items()}
    smoothing = torch.tensor([float(length == median) for length in MEDIANS], dtype=dtype)
    return sketch.step(torch.from_numpy(audio).to(dtype)[None], smoothing, state)[0]


def windows(config: InstrumentConfig, frames: Mapping[str, Tensor]) -> Controls | None:
    """Block -> controls over its window, from frames that begin `context` frames before block 0; the accompaniment up to its cutoff.

    Behind the last frame there is nothing.
    """
    if not frames:
        return None
    layout = config.layout

    def at(block: int) -> dict[str, Tensor]:
        start = block * layout.block
        reach = {name: F.pad(values, (0, max(0, start + layout.window - values.shape[-1]))) for name, values in frames.items()}
        return window_controls(config, reach, start, layout)

    return at

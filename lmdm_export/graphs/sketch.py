"""The sketch as a stream: a block of audio -> what the sketch controls take, by the very module that training computes them with."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lmdm_export.graphs.spec import GraphSpec
from lmdm_export.validate.scenario import sketch_signal
from lmdm_train.config import InstrumentConfig
from lmdm_train.control.sketch import MEDIANS, Sketch, sketch_controls

State = dict[str, Tensor]

# Not the first, so that a graph or a runtime that leaves smoothing out is caught; short, so that every frame of a block shows.
PROBED_MEDIAN = 1


class SketchStep(nn.Module):
    """One block of a stream: audio [1, audio_channels, o * F], one-hot smoothing [medians] and state -> controls by group, state."""

    def __init__(self, sketch: Sketch, states: tuple[str, ...]) -> None:
        super().__init__()
        self.sketch, self.states = sketch, states

    def forward(self, audio: Tensor, smoothing: Tensor, *state: Tensor) -> tuple[Tensor, ...]:
        made, after = self.sketch.step(audio, smoothing, dict(zip(self.states, state, strict=True)))
        return (*(made[control.kind] for control in self.sketch.controls), *(after[name] for name in self.states))


def sketch_graph(config: InstrumentConfig, dtype: torch.dtype = torch.float32) -> tuple[GraphSpec, State] | None:
    """The graph `sketch` and the first values of its state by input name; None for an instrument without sketch controls.

    The example inputs are a moment in the middle of a stream: a sounding sweep, all that is remembered of what came before it, and a
    median of several frames.
    """
    if not sketch_controls(config):
        return None
    sketch = Sketch(config).to(dtype)
    first = {name: value.to(dtype) for name, value in sketch.state().items()}
    codec, block = config.codec, config.layout.block * config.codec.frame_size
    before = (-(-sketch.history // codec.frame_size) + MEDIANS[-1]) * codec.frame_size
    signal = torch.from_numpy(sketch_signal(2 * (before + block), codec.sample_rate)).to(dtype)[: before + block]
    # Channels differ, so that one that is left out is missed.
    audio = signal * torch.linspace(1, 0.5, codec.audio_channels, dtype=dtype)[None, :, None]
    smoothing = F.one_hot(torch.tensor(PROBED_MEDIAN), len(MEDIANS)).to(dtype)
    with torch.no_grad():
        _, heard = sketch.step(audio[..., :before], smoothing, first)
    states = tuple(first)
    inputs = {"audio": audio[..., before:].contiguous(), "smoothing": smoothing} | {f"state_{name}": heard[name] for name in states}
    outputs = (*(control.kind for control in sketch.controls), *(f"state_{name}_out" for name in states))
    spec = GraphSpec("sketch", SketchStep(sketch, states), inputs, outputs)
    return spec, {f"state_{name}": value for name, value in first.items()}

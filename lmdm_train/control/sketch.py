"""Sketches from audio: one definition for training, for the exported graph and hence for every runtime.

Audio -> analysis (one column a latent frame) -> trailing median -> what the network takes. The median's length decides how literally
a sketch is followed, as in Sketch2Sound (García et al. 2025, §3.1); here it looks back only, so that it costs no latency.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from lmdm_train.config import InstrumentConfig
from lmdm_train.control.base import SILENCE_DB, Analyser, SketchControl

State = dict[str, Tensor]

# Frames that a median may cover; 15 frames of 2,048 samples at 44.1 kHz are 0.7 s.
MEDIANS = (1, 3, 5, 9, 15)


def sketch_controls(config: InstrumentConfig) -> tuple[SketchControl, ...]:
    """The controls of an instrument that are computed from audio."""
    return tuple(control for control in config.controls if isinstance(control, SketchControl))


def trailing_median(raw: Tensor, length: int) -> Tensor:
    """Median of each frame and the `length - 1` frames before it: [B, F, length - 1 + N] -> [B, F, N]."""
    if length == 1:
        return raw
    return raw.unfold(2, length, 1).sort(dim=-1).values[..., length // 2]


def _with_presence(values: Tensor) -> Tensor:
    return torch.cat((torch.ones_like(values[:, :1]), values), dim=1)


class Sketch(nn.Module):
    """The analysis of an instrument's sketch controls, whole or as a stream.

    Raises:
        ValueError: the instrument has no sketch controls.
    """

    def __init__(self, config: InstrumentConfig) -> None:
        super().__init__()
        self.controls = sketch_controls(config)
        if not self.controls:
            raise ValueError(f"{config.name} has no sketch controls")
        self.frame_size, self.audio_channels = config.codec.frame_size, config.codec.audio_channels
        rate = config.codec.sample_rate
        self.analysers = nn.ModuleDict({c.kind: c.analyser(rate, self.frame_size) for c in self.controls})

    def _analyser(self, kind: str) -> Analyser:
        analyser = self.analysers[kind]
        assert isinstance(analyser, Analyser)
        return analyser

    @property
    def history(self) -> int:
        """Samples of the past that the longest window needs."""
        return max(self._analyser(c.kind).history for c in self.controls)

    def analyse(self, audio: Tensor) -> dict[str, Tensor]:
        """Mono audio behind its past [B, history + N * frame_size] -> raw features by kind, [B, features, N]."""
        return {c.kind: self._analyser(c.kind)(audio[:, self.history - self._analyser(c.kind).history :]) for c in self.controls}

    def state(self) -> State:
        """Silence before the stream: `audio` [1, 1, history] and the newest analysis of each control."""
        past = {f"past_{c.kind}": torch.full((1, self._analyser(c.kind).features, MEDIANS[-1] - 1), SILENCE_DB) for c in self.controls}
        return {"audio": torch.zeros(1, 1, self.history), **past}

    def step(self, audio: Tensor, smoothing: Tensor, state: State) -> tuple[dict[str, Tensor], State]:
        """One block of a stream.

        Args:
            audio: [1, audio_channels, n * frame_size]; channels are averaged.
            smoothing: [len(MEDIANS)], 1 at the median that applies and 0 elsewhere.
            state: of `state()` or of the step before.

        Returns:
            Controls by group, [1, channels, n] with presence 1, and the next state.
        """
        joined = torch.cat((state["audio"], audio.mean(dim=1, keepdim=True)), dim=2)
        after: State = {"audio": joined[:, :, joined.shape[2] - self.history :]}
        made = {}
        for control in self.controls:
            raw = self._analyser(control.kind)(joined[:, 0, self.history - self._analyser(control.kind).history :])
            past = torch.cat((state[f"past_{control.kind}"], raw), dim=2)
            after[f"past_{control.kind}"] = past[:, :, -(MEDIANS[-1] - 1) :]
            smooth = torch.stack([trailing_median(past[:, :, MEDIANS[-1] - length :], length) for length in MEDIANS], dim=-1)
            made[control.kind] = _with_presence(control.shape((smooth * smoothing).sum(dim=-1)))
        return made, after


@torch.no_grad()
def raw_features(config: InstrumentConfig, audio: Tensor) -> dict[str, Tensor]:
    """Raw features of whole recordings, by kind: mono audio [B, N * frame_size] -> [B, features, N], silence before the start."""
    sketch = Sketch(config).to(audio.device)
    return sketch.analyse(torch.nn.functional.pad(audio, (sketch.history, 0)))


def finish(config: InstrumentConfig, raw: Mapping[str, Tensor], median: int) -> dict[str, Tensor]:
    """Raw features by kind [B, features, N] -> controls by group [B, 1 + values, N], all present; silence before the first frame."""
    made = {}
    for control in sketch_controls(config):
        features = raw[control.kind].float()
        padded = torch.nn.functional.pad(features, (median - 1, 0), value=SILENCE_DB)
        made[control.kind] = _with_presence(control.shape(trailing_median(padded, median)))
    return made

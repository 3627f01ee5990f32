"""Audio to what is stored of it: latent frames and raw sketch features, at any length, and which codec made them."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from lmdm_train.checkpoint.files import read_safetensors, refuse_non_finite
from lmdm_train.checkpoint.own import checkpoint_files, load_config
from lmdm_train.codec import build_codec
from lmdm_train.codec.base import Codec, ContextCodec, StateCodec
from lmdm_train.codec.files import load_codec
from lmdm_train.config import InstrumentConfig
from lmdm_train.control import LoudnessControl, PitchControl
from lmdm_train.control.base import SketchControl
from lmdm_train.control.sketch import sketch_controls
from lmdm_train.errors import CheckpointError, LmdmTrainError

CHUNK = 512
"""Frames that are coded at a time; long recordings need no more memory than this many frames do."""
PREFIX = "codec."


def codec_hash(codec: Codec) -> str:
    """Sixteen hexadecimal digits that differ for codecs with other frames.

    The decoder does not count. Weights count in half precision, so that a codec is itself again after a checkpoint was stored
    in half precision.
    """
    digest = hashlib.sha256()
    for key, value in sorted(codec.state_dict().items()):
        if not key.startswith(codec.encoding):
            continue
        stored = value.detach().cpu()
        stored = stored.half() if stored.is_floating_point() else stored
        digest.update(f"{key} {tuple(stored.shape)}".encode())
        digest.update(stored.contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]


def codec_of_checkpoint(path: Path) -> tuple[Codec, InstrumentConfig]:
    """The codec of an instrument's checkpoint, in evaluation mode, without building its network.

    Raises:
        CheckpointError: a file is missing or damaged, or its codec does not fit its configuration.
    """
    config = load_config(path)
    weights = checkpoint_files(path)[0]
    tensors = {
        key.removeprefix(PREFIX): value.float() if value.is_floating_point() else value
        for key, value in read_safetensors(weights, prefix=PREFIX).items()
    }
    refuse_non_finite(weights, tensors)
    codec = build_codec(config.codec)
    try:
        codec.load_state_dict(tensors)
    except RuntimeError as failure:
        first = str(failure).splitlines()[-1].strip()
        raise CheckpointError(f"the codec in {weights} does not fit its configuration ({first}); use the JSON it was made with") from None
    return codec.eval(), config


class Encoder:
    """One codec and the analysers of the sketches, on one device.

    Args:
        sketches: whose raw features are computed beside the frames.
    """

    def __init__(self, codec: Codec, sketches: Sequence[SketchControl], device: str = "cpu") -> None:
        try:
            self.codec, self.device = codec.to(device).eval().requires_grad_(False), device
        except (RuntimeError, AssertionError) as failure:
            raise LmdmTrainError(f"the device {device} cannot be used ({str(failure).splitlines()[0]}); try --device cpu") from None
        self.sketches = {control.kind: control for control in sketches}
        self.analysers = {kind: c.analyser(codec.sample_rate, codec.frame_size).to(device) for kind, c in self.sketches.items()}
        self.hash = codec_hash(codec)

    @classmethod
    def open(cls, checkpoint: Path | None, codec: Path | None, device: str = "cpu") -> Encoder:
        """From a checkpoint with its sketch controls, or from a codec file; where no sketch is configured, from the usual ones.

        Raises:
            LmdmTrainError: a file is missing, damaged or misfits.
        """
        usual: tuple[SketchControl, ...] = (PitchControl(), LoudnessControl())
        if checkpoint is not None:
            model, config = codec_of_checkpoint(checkpoint)
            return cls(model, sketch_controls(config) or usual, device)
        assert codec is not None
        return cls(load_codec(codec), usual, device)

    @torch.no_grad()
    def frames(self, audio: Tensor) -> Tensor:
        """Audio [audio_channels, N * frame_size] -> frames [C, N], as one stream from silence."""
        size, codec = self.codec.frame_size, self.codec
        audio = audio.to(self.device)
        total = audio.shape[1] // size
        parts = []
        if isinstance(codec, StateCodec):
            state = {key: value.to(self.device) for key, value in codec.encoder_state().items()}
            for start in range(0, total, CHUNK):
                made, state = codec.encode_step(audio[None, :, start * size : min(total, start + CHUNK) * size], state)
                parts.append(made[0].cpu())
        else:
            assert isinstance(codec, ContextCodec)
            left, right = codec.encoder_context()
            for start in range(0, total, CHUNK):
                stop, begin = min(total, start + CHUNK), max(0, start - left)
                made = codec.encode(audio[None, :, begin * size : min(total, stop + right) * size])
                parts.append(made[0, :, start - begin : stop - begin].cpu())
        return torch.cat(parts, dim=1)

    @torch.no_grad()
    def features(self, audio: Tensor) -> dict[str, Tensor]:
        """Audio [audio_channels, N * frame_size] -> raw features by kind, [features, N]; equals `control.sketch.raw_features`."""
        mono = audio.to(self.device).mean(dim=0, keepdim=True)
        size = self.codec.frame_size
        total = mono.shape[1] // size
        made = {}
        for kind, analyser in self.analysers.items():
            padded = F.pad(mono, (analyser.history, 0))
            chunks = [
                analyser(padded[:, start * size : analyser.history + min(total, start + CHUNK) * size])[0].cpu()
                for start in range(0, total, CHUNK)
            ]
            made[kind] = torch.cat(chunks, dim=1)
        return made


def same_analysis(stored: Mapping[str, object], control: SketchControl, sample_rate: int, frame_size: int) -> bool:
    """Whether features that were computed with the `stored` settings are those of `control`, whatever else the settings say."""
    return _same_analysis(json.dumps(stored, sort_keys=True), control, sample_rate, frame_size)


@functools.lru_cache
def _same_analysis(stored: str, control: SketchControl, sample_rate: int, frame_size: int) -> bool:
    try:
        other = type(control).model_validate_json(stored)
    except ValueError:
        return False
    if other.values != control.values:
        return False
    mine, theirs = control.analyser(sample_rate, frame_size), other.analyser(sample_rate, frame_size)
    if (mine.history, mine.features) != (theirs.history, theirs.features):
        return False
    buffers = dict(theirs.named_buffers())
    return all(torch.allclose(value, buffers[name], atol=1e-7) for name, value in mine.named_buffers())

"""The codec as a stream: graphs that carry state, or that take exactly the frames around a block that its layers look at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from lmdm_export.errors import ExportError
from lmdm_export.graphs.spec import GraphSpec
from lmdm_train.codec.base import Codec, ContextCodec, StateCodec

State = dict[str, Tensor]
Step = Callable[[Tensor, State], tuple[Tensor, State]]


@dataclass(frozen=True)
class Streaming:
    """How a seam is avoided, in frames; see docs/bundle.md. `delay` is what a listener waits beyond the block."""

    kind: Literal["state", "context"]
    left: int = 0
    right: int = 0
    delay: int = 0
    fade: int = 0

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class CodecGraphs:
    """Both graphs of a codec, how each streams, and the first values of carried state (by graph, then by input name)."""

    encoder: GraphSpec
    decoder: GraphSpec
    encoder_streaming: Streaming
    decoder_streaming: Streaming
    states: dict[str, State]


class StateStep(nn.Module):
    """One step of a causal codec; state tensors in and out in one order."""

    def __init__(self, codec: StateCodec, direction: Literal["encode", "decode"], names: tuple[str, ...]) -> None:
        super().__init__()
        self.codec, self.direction, self.names = codec, direction, names

    def forward(self, x: Tensor, *state: Tensor) -> tuple[Tensor, ...]:
        step: Step = self.codec.encode_step if self.direction == "encode" else self.codec.decode_step
        made, after = step(x, dict(zip(self.names, state, strict=True)))
        return (made, *(after[name] for name in self.names))


class ContextEncode(nn.Module):
    """Audio of `left + n + right` frames -> the n frames in the middle."""

    def __init__(self, codec: ContextCodec, left: int, frames: int) -> None:
        super().__init__()
        self.codec, self.left, self.frames = codec, left, frames

    def forward(self, audio: Tensor) -> Tensor:
        return self.codec.encode(audio)[..., self.left : self.left + self.frames]


class ContextDecode(nn.Module):
    """Frames -> the audio of `frames` of them, from frame `left` on."""

    def __init__(self, codec: ContextCodec, left: int, frames: int) -> None:
        super().__init__()
        self.codec, self.left, self.frames = codec, left, frames

    def forward(self, frames: Tensor) -> Tensor:
        size = self.codec.frame_size
        return self.codec.decode(frames)[..., self.left * size : (self.left + self.frames) * size]


def codec_graphs(codec: Codec, frames: int, fade: int | None = None) -> CodecGraphs:
    """The graphs `codec_encoder` and `codec_decoder` for runs of `frames` frames.

    Args:
        fade: for a codec that looks ahead, wait only so many frames and crossfade what later frames would still change;
            None waits for all of them, which is exact.

    Raises:
        ExportError: a crossfade was asked of a causal codec, or is as long as a block or as the look-ahead itself.
    """
    if isinstance(codec, StateCodec):
        if fade is not None:
            raise ExportError("this codec is causal and has no look-ahead to crossfade; leave out --lookahead")
        return _state_graphs(codec, frames)
    if not isinstance(codec, ContextCodec):
        raise ExportError(f"codec {type(codec).__name__} streams neither by state nor by context; expected a StateCodec or a ContextCodec")
    return _context_graphs(codec, frames, fade)


def _state_graphs(codec: StateCodec, frames: int) -> CodecGraphs:
    audio = torch.zeros(1, codec.audio_channels, frames * codec.frame_size)
    latents = torch.zeros(1, codec.latent_channels, frames)
    states, specs = {}, []
    for name, direction, first, out, state in (
        ("codec_encoder", "encode", {"audio": audio}, "frames", codec.encoder_state()),
        ("codec_decoder", "decode", {"frames": latents}, "audio", codec.decoder_state()),
    ):
        named = {f"state_{key}": value for key, value in state.items()}
        module = StateStep(codec, direction, tuple(state))  # type: ignore[arg-type]
        specs.append(GraphSpec(name, module, {**first, **named}, (out, *(f"{key}_out" for key in named))))
        states[name] = named
    return CodecGraphs(specs[0], specs[1], Streaming("state"), Streaming("state"), states)


def _context_graphs(codec: ContextCodec, frames: int, fade: int | None) -> CodecGraphs:
    left, right = codec.encoder_context()
    audio = torch.zeros(1, codec.audio_channels, (left + frames + right) * codec.frame_size)
    encoder = GraphSpec("codec_encoder", ContextEncode(codec, left, frames), {"audio": audio}, ("frames",))
    heard = Streaming("context", left, right, right)
    left, right = codec.decoder_context()
    if fade is not None and not 0 < fade < min(right, frames + 1):
        raise ExportError(
            f"a crossfade of {fade} frames does not fit: it must be at least 1, less than the codec's look-ahead of {right} frames "
            f"and at most a block of {frames}; give another length or --lookahead pay"
        )
    delay = right if fade is None else fade
    latents = torch.zeros(1, codec.latent_channels, left + frames + delay)
    made = frames if fade is None else frames + delay
    decoder = GraphSpec("codec_decoder", ContextDecode(codec, left, made), {"frames": latents}, ("audio",))
    return CodecGraphs(encoder, decoder, heard, Streaming("context", left, right, delay, fade or 0), {})

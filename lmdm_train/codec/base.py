"""What every codec offers: whole-signal coding, and one of two ways to run as a stream."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Literal

from torch import Tensor, nn


class Codec(nn.Module, ABC):
    """Audio to latent frames and back. Frame `i` belongs to the samples `i * frame_size` to `(i + 1) * frame_size`.

    `streaming` names the way to run block by block without a seam:

    - `state`: `encode_step` and `decode_step` carry named tensors from one block to the next.
    - `context`: a block is coded together with some frames before and after it, as many as `encoder_context` and
      `decoder_context` say, and what belongs to those is thrown away.
    """

    streaming: Literal["state", "context"]
    sample_rate: int
    audio_channels: int
    frame_size: int
    latent_channels: int
    encoding: tuple[str, ...] = ("encoder.",)
    """Prefixes of the state-dict keys that frames depend on; a decoder that was trained further leaves encoded music valid."""

    @abstractmethod
    def encode(self, audio: Tensor) -> Tensor:
        """Audio [B, audio_channels, N * frame_size] -> frames [B, latent_channels, N], without sampling."""

    @abstractmethod
    def decode(self, frames: Tensor) -> Tensor:
        """Frames [B, latent_channels, N] -> audio [B, audio_channels, N * frame_size]."""


class ContextCodec(Codec):
    """A codec whose layers look a fixed distance to both sides."""

    streaming = "context"

    @abstractmethod
    def encoder_context(self) -> tuple[int, int]:
        """Frames to the left and to the right that an encoded frame depends on."""

    @abstractmethod
    def decoder_context(self) -> tuple[int, int]:
        """Frames to the left and to the right that a decoded frame's samples depend on."""


class StateCodec(Codec):
    """A causal codec whose past is a handful of tensors."""

    streaming = "state"

    @abstractmethod
    def encoder_state(self) -> dict[str, Tensor]:
        """State before the first sample."""

    @abstractmethod
    def encode_step(self, audio: Tensor, state: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """Audio [1, audio_channels, n * frame_size] and state -> frames [1, latent_channels, n] and the next state."""

    @abstractmethod
    def decoder_state(self) -> dict[str, Tensor]:
        """State before the first frame."""

    @abstractmethod
    def decode_step(self, frames: Tensor, state: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """Frames [1, latent_channels, n] and state -> audio [1, audio_channels, n * frame_size] and the next state."""

"""Codecs: audio to latent frames and back."""

from __future__ import annotations

from lmdm_train.codec.base import Codec, ContextCodec, StateCodec
from lmdm_train.config import OobleckConfig, SpectralConfig

__all__ = ["Codec", "ContextCodec", "StateCodec", "build_codec"]


def build_codec(config: OobleckConfig | SpectralConfig) -> Codec:
    """The codec that a configuration describes, freshly initialised."""
    if isinstance(config, OobleckConfig):
        from lmdm_train.codec.oobleck import Oobleck

        return Oobleck(config)
    from lmdm_train.codec.spectral import SpectralCodec

    return SpectralCodec(config)

"""A whole instrument: network, conditioner and codec, built from one configuration."""

from __future__ import annotations

from pathlib import Path

from torch import nn

from lmdm_train.codec import build_codec
from lmdm_train.config import InstrumentConfig
from lmdm_train.model.conditioning import Conditioner
from lmdm_train.model.dit import DiT


class Instrument(nn.Module):
    """Everything that a checkpoint holds; state-dict prefixes `dit.`, `conditioner.`, `codec.`."""

    def __init__(self, config: InstrumentConfig, *, tokenizer: bytes | None = None, t5: Path | None = None) -> None:
        super().__init__()
        self.config = config
        self.dit = DiT(config.dit)
        self.conditioner = Conditioner(config, tokenizer=tokenizer, t5=t5)
        self.codec = build_codec(config.codec)

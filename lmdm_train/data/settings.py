"""Where training music lies and how crops are drawn from it, and what an instrument asks of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pydantic import Field

from lmdm_train.codec.base import Codec
from lmdm_train.config import InstrumentConfig
from lmdm_train.control.base import SketchControl
from lmdm_train.control.sketch import sketch_controls
from lmdm_train.strict import Strict


class DataSettings(Strict):
    """The data section of a training config.

    Attributes:
        path: folder of encoded music, or of shards (`*.tar`) of it.
        part: `train` leaves out what is marked as held out, `held-out` takes nothing else.
        target: crops of the `mix`, or of a random `stem` with its accompaniment and its instrument's name as the prompt (paper A.2.2).
        sums: share of the crops with stems whose accompaniment is the sum of all other stems instead of one of them.
        seconds: what the seconds conditioner is told: the length of the `window`, or the item's own `seconds_total` (`metadata`).
        prompts: `varied` says the captions of rendered music in full or in part; `plain` takes every prompt as it stands.
        random_crop: crops begin anywhere; otherwise at frame 0, as the released default.
        silence_threshold: leaves out items (or stems) with at least this `silence_ratio`, or, as released, with none.
        minimum_seconds, maximum_seconds: leaves out shorter and longer items.
        stem_mapping: JSON file {id: [ids of its accompaniments]} for items whose stems are items of their own (released layout).
        memory_mib: how much of the music is kept in memory once it has been read.
    """

    path: Path
    part: Literal["train", "held-out", "all"] = "train"
    target: Literal["mix", "stem"] = "mix"
    sums: float = Field(default=0.5, ge=0, le=1)
    seconds: Literal["window", "metadata"] = "window"
    prompts: Literal["varied", "plain"] = "varied"
    random_crop: bool = True
    silence_threshold: float | None = Field(default=None, gt=0)
    minimum_seconds: float | None = None
    maximum_seconds: float | None = None
    stem_mapping: Path | None = None
    memory_mib: int = Field(default=1024, ge=0)


@dataclass(frozen=True)
class Needs:
    """What the music must fit.

    Attributes:
        channels: latent channels.
        sample_rate: of the codec, in Hz; `frame_size` in samples.
        seconds: what the seconds conditioner is told of a window.
        sketches: sketch controls by kind; each needs features.
        codec: hash of the codec whose frames these must be; None takes any.
    """

    channels: int
    sample_rate: int
    frame_size: int
    seconds: float
    sketches: Mapping[str, SketchControl] = field(default_factory=dict)
    codec: str | None = None

    @classmethod
    def of(cls, config: InstrumentConfig, codec: Codec | None = None) -> Needs:
        """What a configuration asks for; with `codec`, also that the frames are its own."""
        from lmdm_train.data.encoder import codec_hash

        return cls(
            channels=config.codec.latent_channels,
            sample_rate=config.codec.sample_rate,
            frame_size=config.codec.frame_size,
            seconds=config.seconds_total,
            sketches={control.kind: control for control in sketch_controls(config)},
            codec=codec_hash(codec) if codec is not None else None,
        )

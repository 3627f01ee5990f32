"""Plays an instrument to an accompaniment, at any future visibility t_f (paper §6.2 and A.2.2)."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from lmdm_train.config import InstrumentConfig
from lmdm_train.control import AccompanimentControl
from lmdm_train.control.batch import window_controls
from lmdm_train.errors import LmdmTrainError
from lmdm_train.evaluate.accompaniment import StemPairs
from lmdm_train.evaluate.play import OnBlock, decode, play_frames
from lmdm_train.evaluate.real import encode
from lmdm_train.model.instrument import Instrument


def visibilities(config: InstrumentConfig, wanted: Sequence[int] = ()) -> list[int]:
    """t_f in frames: those that are wanted, else those that the instrument was trained with.

    Raises:
        LmdmTrainError: the instrument has no accompaniment control, or its window cannot show a t_f.
    """
    control = next((control for control in config.controls if isinstance(control, AccompanimentControl)), None)
    if control is None:
        raise LmdmTrainError(
            f"{config.name} has no accompaniment control (its controls: "
            f"{', '.join(control.kind for control in config.controls) or 'none'}); train one with accompaniment"
        )
    context, block = config.layout.context, config.layout.block
    chosen = sorted(set(wanted) or {cutoff - context for cutoff in (*control.train_cutoffs, control.cutoff)})
    for frames in chosen:
        if not -context < frames <= block:
            raise LmdmTrainError(f"t_f of {frames} frames lies outside of layout {config.layout}; expected {1 - context} to {block}")
    return chosen


def play_along(
    instrument: Instrument,
    pairs: StemPairs,
    visibility: int,
    *,
    primed: bool = False,
    seed: int = 0,
    on_block: OnBlock = lambda done: None,
) -> Tensor:
    """Stems [B, samples] at the codec's rate, for the accompaniments after their first `context` frames; prompts name the instrument.

    The accompaniment's past is always known; the stem's own past only when primed.
    """
    config, codec = instrument.config, instrument.codec
    layout = config.layout
    other = encode(codec, pairs.rest)
    controls = AccompanimentControl.given(other)
    start = encode(codec, pairs.stem)[..., : layout.context] if primed else None
    bare = config.model_copy(update={"controls": tuple(c for c in config.controls if isinstance(c, AccompanimentControl))})

    def window(block: int) -> dict[str, Tensor]:
        return window_controls(bare, controls, block * layout.block, layout, cutoff=layout.context + visibility)

    blocks = (other.shape[2] - layout.context) // layout.block
    return decode(codec, play_frames(instrument, pairs.names, blocks, seed=seed, start=start, controls=window, on_block=on_block))


def after_context(pairs: StemPairs, config: InstrumentConfig) -> StemPairs:
    """The part of the pairs that a rollout plays to."""
    layout, size = config.layout, config.codec.frame_size
    blocks = (pairs.rest.shape[1] // size - layout.context) // layout.block
    part = slice(layout.context * size, (layout.context + blocks * layout.block) * size)
    return StemPairs(pairs.rate, pairs.stem[:, part], pairs.rest[:, part], pairs.names)

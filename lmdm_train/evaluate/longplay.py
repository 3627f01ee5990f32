"""Long rollouts of a model over the captions of held-out pieces, and the real music that they are held against."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from lmdm_train.codec.base import Codec
from lmdm_train.errors import LmdmTrainError
from lmdm_train.evaluate.drift import Played, Yardstick
from lmdm_train.evaluate.play import OnBlock, at_judge_rate, blocks_of, decode, play_frames, sound
from lmdm_train.evaluate.real import encode, excerpts, held_out_tracks, other_tracks
from lmdm_train.model.instrument import Instrument

PIECE_SECONDS = 24.0


def yardstick(music: Path, codec: Codec, *, pieces: int, seconds: float, groups: int = 3, seed: int = 0) -> Yardstick:
    """All held-out pieces through the codec, and groups of `pieces` other pieces of `seconds`, also through the codec.

    Raises:
        LmdmTrainError: the folder has too few pieces.
    """
    rate, size = codec.sample_rate, codec.frame_size
    tracks = held_out_tracks(music, least=pieces)
    frames = encode(codec, excerpts(tracks, rate, size, PIECE_SECONDS))
    rest = other_tracks(music, pieces * groups, seed)
    if len(rest) < pieces:
        raise LmdmTrainError(f"{music} has {len(rest)} pieces that are not held out, {pieces} are needed; compose more: lmdm data compose")
    coded = at_judge_rate(decode(codec, encode(codec, excerpts(rest, rate, size, seconds))), rate)
    others = [coded[i : i + pieces] for i in range(0, len(rest) - pieces + 1, pieces)]
    return Yardstick(at_judge_rate(decode(codec, frames), rate), frames, others, [track.prompt for track in tracks])


def same_codec(a: Codec, b: Codec) -> bool:
    """Whether two codecs have the same weights, so that one yardstick serves both."""
    one, other = a.state_dict(), b.state_dict()
    return one.keys() == other.keys() and all(torch.equal(value, other[key].to(value)) for key, value in one.items())


def play_long(
    instrument: Instrument,
    real: Yardstick,
    *,
    pieces: int,
    seconds: float,
    primed: bool = False,
    seed: int = 0,
    on_block: OnBlock = lambda done: None,
) -> Played:
    """The first `pieces` captions for at least `seconds`, from nothing, or primed with the beginning of the captioned piece."""
    prompts = real.prompts[:pieces]
    start: Tensor | None = real.frames[:pieces, :, : instrument.config.layout.context] if primed else None
    frames = play_frames(instrument, prompts, blocks_of(instrument.config, seconds), seed=seed, start=start, on_block=on_block)
    return Played(prompts, frames, sound(instrument, frames))

"""Options that feed local controls from audio files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from lmdm_runtime.engine import Engine


class Names(click.ParamType):
    """Names with commas between them."""

    name = "names"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        if isinstance(value, tuple):
            return value
        return tuple(part.strip() for part in str(value).split(",") if part.strip())


CONTROL_OPTIONS: Sequence[Callable[[Any], Any]] = (
    click.option("--sketch", type=click.Path(path_type=Path, dir_okay=False), default=None, help="Audio file that the music follows."),
    click.option(
        "--sketch-controls", type=Names(), default=None, metavar="NAME,…", help="What of it, such as pitch,loudness; by default all."
    ),
    click.option(
        "--smoothing", type=click.IntRange(1), default=None, help="Frames of the median that takes detail out of the sketch; see inspect."
    ),
    click.option(
        "--accompaniment", type=click.Path(path_type=Path, dir_okay=False), default=None, help="Audio file that the music plays along with."
    ),
)


def feed_controls(
    session: Engine, sketch: Path | None, controls: tuple[str, ...] | None, smoothing: int | None, accompaniment: Path | None
) -> float:
    """Gives the files to the session; seconds of the longest, 0 without any.

    Raises:
        UsageError: settings of a sketch without one.
        SessionError: the bundle has no such control.
        AudioError: a file cannot be read.
    """
    from lmdm_runtime.audio_io import read_audio

    codec = session.bundle.manifest.codec
    longest = 0
    if sketch is None and (controls is not None or smoothing is not None):
        raise click.UsageError("--sketch-controls and --smoothing shape a sketch; give one with --sketch")
    if sketch is not None:
        session.sketch.choose(tuple(session.sketch.groups) if controls is None else controls, smoothing)
        audio = read_audio(sketch, codec.sample_rate, codec.audio_channels)
        session.sketch.feed(audio)
        longest = audio.shape[1]
    if accompaniment is not None:
        other = session.accompaniment
        audio = read_audio(accompaniment, codec.sample_rate, codec.audio_channels)
        other.feed(audio)
        longest = max(longest, audio.shape[1])
    return longest / codec.sample_rate


def finish_accompaniment(session: Engine, accompaniment: Path | None, blocks: int) -> None:
    """Silence behind an accompaniment, so that it is known for `blocks` blocks and as far ahead as the codec looks."""
    if accompaniment is None:
        return
    import numpy as np

    manifest = session.bundle.manifest
    frames = (blocks + 1) * manifest.model.block + manifest.model.context + manifest.codec.encoder.right
    session.accompaniment.feed(np.zeros((manifest.codec.audio_channels, frames * manifest.codec.frame_size), np.float32))


def controls_in_use(session: Engine) -> dict[str, Any]:
    """What the music follows, for a report."""
    made: dict[str, Any] = {}
    sources = {control.source for control in session.bundle.manifest.controls}
    if "sketch" in sources and session.sketch.chosen:
        made["sketch"] = {"controls": list(session.sketch.chosen), "smoothing": session.sketch.median}
    if "accompaniment" in sources and session.accompaniment.on:
        made["accompaniment"] = {"cutoff": session.accompaniment.cutoff}
    return made

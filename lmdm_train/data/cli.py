"""`lmdm data`: make the music and the frames that training uses."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import click
from rich.progress import track

from lmdm_train.data.compose import compose as compose_piece
from lmdm_train.data.render import find_soundfont
from lmdm_train.data.render import render as render_piece


@click.group()
def data() -> None:
    """Make training music: compose and render it."""


@data.command()
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("data/music"),
    show_default=True,
    help="Folder of tracks.",
)
@click.option("--pieces", type=click.IntRange(1), default=320, show_default=True, help="How many pieces; styles take turns.")
@click.option(
    "--first-seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of the first piece; piece i has seed first+i."
)
@click.option("--seconds", type=click.FloatRange(2, 600), default=24.0, show_default=True, help="Least length of a piece.")
@click.option("--soundfont", type=click.Path(dir_okay=False), help="General MIDI soundfont; by default a packaged one.")
@click.option("--jobs", type=click.IntRange(1), default=2, show_default=True, help="Renderings at a time.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of a sentence.")
def compose(output: Path, pieces: int, first_seed: int, seconds: float, soundfont: str | None, jobs: int, as_json: bool) -> None:
    """Compose pieces from seeds and render them with FluidSynth in the folder layout of Slakh2100.

    \b
    Each track holds mix.flac, stems/, MIDI/ and metadata.json with its caption.
    Tracks that are there already are kept, so an interrupted run goes on where it stopped.

    \b
    Example:  lmdm data compose -o data/music --pieces 320
    """
    font = find_soundfont(soundfont)
    composed = [compose_piece(first_seed + index, seconds=seconds) for index in range(pieces)]
    with ThreadPoolExecutor(jobs) as pool:
        done = pool.map(lambda piece: render_piece(piece, output, font), composed)
        tracks = list(track(done, total=pieces, description="rendering", disable=as_json))
    minutes = sum(piece.seconds for piece in composed) / 60
    result = {"folder": str(output), "tracks": len(tracks), "minutes": round(minutes, 1), "soundfont": font.name}
    click.echo(json.dumps(result) if as_json else f"{len(tracks)} tracks, {minutes:.1f} minutes of music in {output}")

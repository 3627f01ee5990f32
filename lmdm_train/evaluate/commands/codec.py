"""`lmdm evaluate codec`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from lmdm_train.evaluate.commands import options
from lmdm_train.evaluate.shipped import shipped


@click.command()
@click.option("--checkpoint", type=options.FILE, default=lambda: shipped("default.safetensors"), help="Instrument whose codec is measured.")
@options.music
@options.as_json
def codec(checkpoint: Path, music: Path, as_json: bool) -> None:
    """What the codec keeps of held-out pieces, beside the same figures against another piece."""
    from lmdm_train.checkpoint import load_instrument
    from lmdm_train.evaluate.codec import codec_quality
    from lmdm_train.evaluate.real import held_out_tracks

    held_out = held_out_tracks(music)
    with options.progress("coding", len(held_out), as_json) as tick:
        measured = codec_quality(load_instrument(checkpoint).codec, held_out, on_track=tick)
    figures = {name: round(value, 3) for name, value in measured.items()}
    if as_json:
        click.echo(json.dumps({"checkpoint": checkpoint.name, "tracks": len(held_out), **figures}))
        return
    for name, value in figures.items():
        click.echo(f"{name.replace('_', ' '):36} {value:.3f}")

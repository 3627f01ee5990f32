"""`lmdm train`: the commands that make checkpoints."""

from __future__ import annotations

from pathlib import Path

import click

MUSIC = click.option(
    "--music", type=click.Path(path_type=Path, file_okay=False), default=Path("data/music"), show_default=True, help="Tracks of `lmdm data compose`."
)
MINUTES = click.option("--minutes", type=click.FloatRange(0.01), default=None, help="Stop after this long; the learning rate falls to its end by then.")


@click.group()
def train() -> None:
    """Train a codec or an instrument on rendered music.

    \b
    The default instrument, from nothing:
      lmdm data compose -o data/music --pieces 336
      lmdm train codec --music data/music -o runs/codec.safetensors --minutes 20
      lmdm train finetune --music data/music --codec runs/codec.safetensors -o runs/default.safetensors --minutes 60
      lmdm train judge --music data/music --codec runs/codec.safetensors -o runs/judge.safetensors
    """


@train.command()
@MUSIC
@MINUTES
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), required=True, help="Codec file to write, with its JSON beside it.")
@click.option("--steps", type=click.IntRange(1), default=2000, show_default=True)
@click.option("--batch", type=click.IntRange(1), default=8, show_default=True)
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--resume", type=click.Path(path_type=Path, exists=True, dir_okay=False), default=None, help="Go on from this codec's weights.")
def codec(music: Path, minutes: float | None, output: Path, steps: int, batch: int, seed: int, resume: Path | None) -> None:
    """Train the spectral codec. Ctrl-C keeps what has been learnt."""
    from lmdm_train.stages.run import run_codec

    run_codec(music, output, steps=steps, batch=batch, seed=seed, minutes=minutes, resume=resume)

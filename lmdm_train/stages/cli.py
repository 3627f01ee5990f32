"""`lmdm train`: the commands that make checkpoints."""

from __future__ import annotations

from pathlib import Path

import click

MUSIC = click.option(
    "--music",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("data/music"),
    show_default=True,
    help="Tracks of `lmdm data compose`.",
)
MINUTES = click.option(
    "--minutes", type=click.FloatRange(0.01), default=None, help="Stop after this long; the learning rate falls to its end by then."
)


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
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, dir_okay=False), required=True, help="Codec file to write, with its JSON beside it."
)
@click.option("--steps", type=click.IntRange(1), default=2000, show_default=True)
@click.option("--batch", type=click.IntRange(1), default=8, show_default=True)
@click.option("--seed", type=int, default=0, show_default=True)
@click.option(
    "--resume", type=click.Path(path_type=Path, exists=True, dir_okay=False), default=None, help="Go on from this codec's weights."
)
def codec(music: Path, minutes: float | None, output: Path, steps: int, batch: int, seed: int, resume: Path | None) -> None:
    """Train the spectral codec. Ctrl-C keeps what has been learnt."""
    from lmdm_train.stages.run import run_codec

    run_codec(music, output, steps=steps, batch=batch, seed=seed, minutes=minutes, resume=resume)


@train.command()
@MUSIC
@MINUTES
@click.option(
    "--codec", "codec_file", type=click.Path(path_type=Path, exists=True, dir_okay=False), default=None, help="Codec of `lmdm train codec`."
)
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, dir_okay=False), required=True, help="Checkpoint to write, in half precision."
)
@click.option("--preset", default="default", show_default=True, help="Configuration to train from nothing.")
@click.option(
    "--resume",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    default=None,
    help="Go on from this checkpoint's weights instead.",
)
@click.option("--steps", type=click.IntRange(1), default=6000, show_default=True)
@click.option("--batch", type=click.IntRange(1), default=16, show_default=True)
@click.option("--learning-rate", type=click.FloatRange(0, min_open=True), default=1e-3, show_default=True)
@click.option("--seed", type=int, default=0, show_default=True)
def finetune(
    music: Path,
    minutes: float | None,
    codec_file: Path | None,
    output: Path,
    preset: str,
    resume: Path | None,
    steps: int,
    batch: int,
    learning_rate: float,
    seed: int,
) -> None:
    """Train network and text encoder by flow matching on the target block (paper Eq. 1). Ctrl-C keeps what has been learnt."""
    from lmdm_train.stages.finetune import FineTuning
    from lmdm_train.stages.run import run_finetune

    if codec_file is None and resume is None:
        raise click.UsageError("give --codec (a codec to train on) or --resume (a checkpoint to go on from)")
    settings = FineTuning(steps=steps, batch=batch, learning_rate=learning_rate, seed=seed)
    run_finetune(music, output, settings, preset_name=preset, codec_file=codec_file, resume=resume, minutes=minutes)


@train.command()
@MUSIC
@click.option(
    "--codec",
    "codec_file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    required=True,
    help="Codec of `lmdm train codec`.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="Judge to write, with its accuracy in a JSON beside it.",
)
@click.option("--steps", type=click.IntRange(1), default=600, show_default=True)
def judge(music: Path, codec_file: Path, output: Path, steps: int) -> None:
    """Train the small judge that hears which prompt a piece was made for, and measure it on held-out pieces."""
    from lmdm_train.stages.run import run_judge

    run_judge(music, codec_file, output, steps=steps)

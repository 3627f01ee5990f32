"""`lmdm evaluate`: measure what an instrument plays."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path

import click
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


def _default(name: str) -> Path:
    return Path(str(files("lmdm_train") / "default" / name))


@click.group()
def evaluate() -> None:
    """Measure an instrument: does it follow its prompts, and what does its codec keep?"""


@evaluate.command()
@click.option(
    "--checkpoint",
    type=FILE,
    default=lambda: _default("default.safetensors"),
    help="Instrument; by default the one that comes with the project.",
)
@click.option("--judge", "judge_file", type=FILE, default=lambda: _default("judge.safetensors"), help="Judge of `lmdm train judge`.")
@click.option("--prompts", type=click.IntRange(6), default=24, show_default=True, help="Prompts to play, styles in turn.")
@click.option("--blocks", type=click.IntRange(24), default=32, show_default=True, help="Blocks for each prompt.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def prompts(checkpoint: Path, judge_file: Path, prompts: int, blocks: int, as_json: bool) -> None:
    """How often a judge of captions hears what the prompt asked for, beside the same answers held against shuffled prompts."""
    from lmdm_train.checkpoint import load_instrument
    from lmdm_train.evaluate.judge import load_judge
    from lmdm_train.evaluate.prompts import as_rows, prompt_following

    instrument, judge = load_instrument(checkpoint), load_judge(judge_file)
    with Progress(console=Console(stderr=True), disable=as_json) as bar:
        task = bar.add_task("playing", total=prompts)
        rows = as_rows(
            prompt_following(instrument, judge, prompts=prompts, blocks=blocks, on_prompt=lambda done: bar.update(task, completed=done))
        )
    if as_json:
        click.echo(json.dumps({"checkpoint": checkpoint.name, "prompts": prompts, "blocks": blocks, "following": rows}, indent=1))
        return
    table = Table("question", "as asked", "shuffled prompts", "commonest answer", title="prompt following")
    for row in rows:
        table.add_row(str(row["question"]), f"{row['asked']:.2f}", f"{row['shuffled']:.2f}", f"{row['chance']:.2f}")
    Console().print(table)


@evaluate.command()
@click.option("--checkpoint", type=FILE, default=lambda: _default("default.safetensors"), help="Instrument whose codec is measured.")
@click.option(
    "--music",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("data/music"),
    show_default=True,
    help="Tracks of `lmdm data compose`.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of lines.")
def codec(checkpoint: Path, music: Path, as_json: bool) -> None:
    """What the codec keeps of held-out pieces, beside the same figures against another piece."""
    from lmdm_train.checkpoint import load_instrument
    from lmdm_train.data.music import find_tracks
    from lmdm_train.errors import LmdmTrainError
    from lmdm_train.evaluate.codec import codec_quality

    held_out = [track for track in find_tracks(music) if track.held_out]
    if len(held_out) < 2:
        raise LmdmTrainError(f"{music} has {len(held_out)} held-out tracks, two are needed; compose more than 72 pieces: lmdm data compose")
    with Progress(console=Console(stderr=True), disable=as_json) as bar:
        task = bar.add_task("coding", total=len(held_out))
        measured = codec_quality(load_instrument(checkpoint).codec, held_out, on_track=lambda done: bar.update(task, completed=done))
    rounded = {name: round(value, 3) for name, value in measured.items()}
    if as_json:
        click.echo(json.dumps({"checkpoint": checkpoint.name, "tracks": len(held_out), **rounded}))
        return
    for name, value in rounded.items():
        click.echo(f"{name.replace('_', ' '):36} {value:.3f}")

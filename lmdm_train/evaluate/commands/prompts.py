"""`lmdm evaluate prompts`."""

from __future__ import annotations

import json
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from lmdm_train.evaluate.commands import options
from lmdm_train.evaluate.shipped import shipped


@click.command()
@click.option(
    "--checkpoint",
    type=options.FILE,
    default=lambda: shipped("default.safetensors"),
    help="Instrument; by default the one that comes with the project.",
)
@options.judge
@click.option("--prompts", type=click.IntRange(6), default=24, show_default=True, help="Prompts to play, styles in turn.")
@click.option("--blocks", type=click.IntRange(24), default=32, show_default=True, help="Blocks for each prompt.")
@options.as_json
def prompts(checkpoint: Path, judge_file: Path, prompts: int, blocks: int, as_json: bool) -> None:
    """How often a judge of captions hears what the prompt asked for, beside the same answers held against shuffled prompts."""
    from lmdm_train.checkpoint import load_instrument
    from lmdm_train.evaluate.judge import load_judge
    from lmdm_train.evaluate.prompts import as_rows, prompt_following

    instrument, judge = load_instrument(checkpoint), load_judge(judge_file)
    with options.progress("playing", prompts, as_json) as tick:
        rows = as_rows(prompt_following(instrument, judge, prompts=prompts, blocks=blocks, on_prompt=tick))
    if as_json:
        click.echo(json.dumps({"checkpoint": checkpoint.name, "prompts": prompts, "blocks": blocks, "following": rows}, indent=1))
        return
    table = Table("question", "as asked", "shuffled prompts", "commonest answer", title="prompt following")
    for row in rows:
        table.add_row(str(row["question"]), f"{row['asked']:.2f}", f"{row['shuffled']:.2f}", f"{row['chance']:.2f}")
    Console().print(table)

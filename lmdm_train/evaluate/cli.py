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
    """Measure an instrument: does it follow its prompts?"""


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

"""Options and outputs that the sub-commands share."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import Progress, TextColumn, TimeElapsedColumn

from lmdm_train.evaluate.shipped import shipped

FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
Tick = Callable[[int], None]


def _stacked(*decorators: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def decorate(command: Any) -> Any:
        for decorator in reversed(decorators):
            command = decorator(command)
        return command

    return decorate


models = _stacked(
    click.option(
        "--checkpoint",
        "checkpoints",
        multiple=True,
        metavar="[NAME=]FILE[@SETTINGS]",
        help="Instrument, repeatable; `default` is the one that comes with the project. Settings such as "
        "@steps=4,solver=ping-pong,guidance=none stand in for those of the file (also scale=X, drop=FRAMES).",
    ),
    click.option("--device", default="cpu", show_default=True, help="Where the network runs, such as cuda."),
)
music = click.option(
    "--music",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("data/music"),
    show_default=True,
    help="Tracks of `lmdm data compose`.",
)
judge = click.option(
    "--judge",
    "judge_file",
    type=FILE,
    default=lambda: shipped("judge.safetensors"),
    help="Judge of `lmdm train judge`.",
    show_default=False,
)
seed = click.option("--seed", default=0, show_default=True, help="Seed of everything that is random.")
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
plot = click.option("--plot", type=click.Path(path_type=Path, dir_okay=False), help="Write a picture to this PNG file.")


@contextmanager
def progress(label: str, total: int, quiet: bool) -> Iterator[Tick]:
    """A bar on stderr; yields what moves it to a number of steps done."""
    columns = (*Progress.get_default_columns(), TimeElapsedColumn(), TextColumn("{task.completed}/{task.total}"))
    with Progress(*columns, console=Console(stderr=True), disable=quiet) as bar:
        task = bar.add_task(label, total=total)
        yield lambda done: bar.update(task, completed=done)


def rounded(value: Any, digits: int = 4) -> Any:
    """Numbers of nested JSON, shortened; what is not known, or not finite, is null."""
    if isinstance(value, float):
        return round(value, digits) if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: rounded(item, digits) for key, item in value.items()}
    return [rounded(item, digits) for item in value] if isinstance(value, list | tuple) else value


def print_json(result: dict[str, Any]) -> None:
    click.echo(json.dumps(rounded(result), indent=1))

"""`lmdm validate`: hold a bundle against its checkpoint, step by step, with faults that must be caught."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console

from lmdm_export.validate.progress import shown
from lmdm_export.validate.report import STEPS
from lmdm_export.validate.scenario import FEWEST_BLOCKS, SEED
from lmdm_runtime.cli.documents import json_text
from lmdm_runtime.cli.options import engine_option
from lmdm_runtime.cli.tables import wide_console


class StepList(click.ParamType):
    """Numbers of steps, such as `1,2,3`."""

    name = "steps"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        if isinstance(value, tuple):
            return value
        parts = [part.strip() for part in str(value).split(",")]
        if not all(part.isdecimal() and int(part) in STEPS for part in parts):
            known = ", ".join(f"{number} {name}" for number, name in STEPS.items())
            self.fail(f"steps are numbers with commas between them, found {value!r}; there are {known}", param, ctx)
        return tuple(sorted({int(part) for part in parts}))


@click.command()
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option("--checkpoint", type=click.Path(path_type=Path), help="What the bundle was made from; else its own fixtures.")
@click.option("--steps", type=StepList(), default=",".join(map(str, STEPS)), show_default=True, help="Which steps to run.")
@click.option(
    "--blocks", type=click.IntRange(FEWEST_BLOCKS), default=None, help="Length of the closed loop; 64, or what the fixtures hold."
)
@click.option("--seed", type=click.IntRange(0), default=SEED, show_default=True, help="Of inputs and noise, with --checkpoint.")
@click.option("--threads", type=click.IntRange(1), default=None, help="Of the engine.")
@engine_option(native=False)
@click.option("--plots", type=click.Path(file_okay=False, path_type=Path), default=None, help="Folder for a picture of each step.")
@click.option("--t5", type=click.Path(path_type=Path, exists=True, file_okay=False), default=None, help="Folder of the T5 text encoder.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def validate(
    bundle: Path,
    checkpoint: Path | None,
    steps: tuple[int, ...],
    blocks: int | None,
    seed: int,
    threads: int | None,
    engine: str,
    plots: Path | None,
    t5: Path | None,
    as_json: bool,
) -> int:
    """Check BUNDLE in five steps: each graph, one block, a closed loop, streamed audio, other runtimes.

    Every step is run with faults made on purpose as well. Exit status 1 when a check leaves its bound or a fault is not caught.

    \b
      lmdm validate out/default --checkpoint runs/default.safetensors --plots out/parity
      lmdm validate out/default --json        # on the bundle's own fixtures, without torch
    """
    from lmdm_export.validate.run import validate_bundle
    from lmdm_export.validate.table import print_report

    # Progress goes to stderr, so that --json leaves stdout to the report.
    with shown(Console(stderr=True)) as begin:
        report = validate_bundle(
            bundle, checkpoint, steps=steps, blocks=blocks, seed=seed, plots=plots, t5=t5, threads=threads, engine=engine, begin=begin
        )
    if as_json:
        click.echo(json_text(report.to_json()))
    else:
        print_report(report, wide_console())
        if plots is not None:
            click.echo(f"pictures: {plots}")
    return 0 if report.passed else 1

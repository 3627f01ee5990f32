"""`lmdm bisect`: where a precision breaks, and what to keep float32 so that it does not."""

from __future__ import annotations

import tempfile
from pathlib import Path

import click
from rich.console import Console

from lmdm_export.precision.names import DEFAULT_BUDGET
from lmdm_export.validate.progress import shown
from lmdm_export.validate.scenario import FEWEST_BLOCKS
from lmdm_runtime.cli.documents import json_text


@click.command()
@click.argument("bundle", type=click.Path(path_type=Path))
@click.argument("variant")
@click.option("--budget", type=click.FloatRange(0, min_open=True), default=None, help=f"The variant's own, or {DEFAULT_BUDGET:g}.")
@click.option("--blocks", type=click.IntRange(FEWEST_BLOCKS), default=None, help="Length of the rollout; 64, or what the fixtures hold.")
@click.option("--threads", type=click.IntRange(1), default=None, help="Of ONNX Runtime.")
@click.option("--layers-only", is_flag=True, help="Compare values and leave out the search for matrices to keep, which takes minutes.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def bisect(
    bundle: Path, variant: str, budget: float | None, blocks: int | None, threads: int | None, layers_only: bool, as_json: bool
) -> int:
    """Hold VARIANT (a folder, or a precision such as int4) against the float32 BUNDLE it comes from, value by value.

    Names the first layer that breaks: the first value that is off by more than the budget. Then converts each matrix alone, ranks them,
    and finds the fewest to keep float32 so that the rollout comes inside the budget, as a list to give back as --keep.

    \b
      lmdm bisect out/default int4
      lmdm bisect out/default out/default-int4 --layers-only
    """
    from lmdm_export.precision.bisect_table import print_bisection
    from lmdm_export.precision.bisection import Bisection, bisected

    console = Console(stderr=True)
    with shown(console) as begin, tempfile.TemporaryDirectory(prefix="lmdm-bisect.") as work:
        found: Bisection = bisected(
            bundle, variant, Path(work), budget=budget, blocks=blocks, threads=threads, layers_only=layers_only, begin=begin
        )
    if as_json:
        click.echo(json_text(found.to_json()))
    else:
        print_bisection(found, Console())
    return 130 if found.interrupted else 0

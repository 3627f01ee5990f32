"""`lmdm precision`: the ladder of a bundle's precisions, and a variant of it."""

from __future__ import annotations

import tempfile
from pathlib import Path

import click
from rich.console import Console

from lmdm_export.precision.names import DEFAULT_BUDGET, NAMES
from lmdm_export.precision.options import KindList, NameList, command_line
from lmdm_export.validate.progress import shown
from lmdm_export.validate.scenario import FEWEST_BLOCKS
from lmdm_runtime.cli.documents import json_text


@click.command()
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option(
    "--budget", type=click.FloatRange(0, min_open=True), default=DEFAULT_BUDGET, show_default=True, help="Of another seed's distance."
)
@click.option(
    "--kinds", type=KindList(), default=",".join(NAMES), show_default=True, help="Which precisions to measure, or to choose from."
)
@click.option("--keep", type=NameList(), default="", help="Matrices that stay float32, as lmdm bisect names them.")
@click.option("--blocks", type=click.IntRange(FEWEST_BLOCKS), default=None, help="Length of the rollout; 64, or what the fixtures hold.")
@click.option("--rounds", type=click.IntRange(3), default=15, show_default=True, help="Rounds of timing.")
@click.option("--threads", type=click.IntRange(1), default=None, help="Of ONNX Runtime.")
@click.option("--write", "choice", type=click.Choice(["auto", *NAMES]), default=None, help="Write this one, or the fastest in the budget.")
@click.option("-o", "--output", type=click.Path(path_type=Path), default=None, help="Folder to write, with --write.")
@click.option("--force", is_flag=True, help="Replace a bundle that is there already.")
@click.option("--json", "as_json", is_flag=True, help="Print the ladder as JSON.")
def precision(
    bundle: Path,
    budget: float,
    kinds: tuple[str, ...],
    keep: tuple[str, ...],
    blocks: int | None,
    rounds: int,
    threads: int | None,
    choice: str | None,
    output: Path | None,
    force: bool,
    as_json: bool,
) -> int:
    """Measure the precisions that BUNDLE (float32) can be written in: size, time, and parity of a long rollout.

    Parity is a share of the distance between two float32 rollouts that differ in their noise seed: 0 is the same music, 1 is another take.
    Ctrl-C prints what was measured until then. Exit status 1 when the budget would let a fault pass that was made on purpose.

    \b
      lmdm precision out/default
      lmdm precision out/default --write int8 -o out/default-int8
      lmdm precision out/default --write auto --budget 0.05 -o out/default-fast
    """
    if (choice is None) != (output is None):
        raise click.UsageError("--write and -o go together")
    from lmdm_export.precision.ladder import Search
    from lmdm_export.precision.table import print_ladder, rung_line
    from lmdm_export.precision.writing import Interrupted, write_chosen
    from lmdm_export.staging import require_writable
    from lmdm_runtime.bundle import load_bundle
    from lmdm_runtime.cli.tables import wide_console

    if output is not None:
        require_writable(output, force=force)
    console = Console(stderr=True)
    with shown(console) as begin:
        loaded = load_bundle(bundle)
        search = Search(
            loaded,
            budget,
            blocks=blocks,
            threads=threads,
            rounds=rounds,
            begin=begin,
            on_rung=lambda rung: console.print(rung_line(rung, budget), highlight=False),
        )
        try:
            if choice is None or output is None:
                with tempfile.TemporaryDirectory(prefix="lmdm-precision.") as work:
                    ladder = search.climb(kinds, Path(work), keep)
            else:
                ladder = write_chosen(search, choice, output, command_line(), kinds=kinds, keep=keep, force=force)
        except Interrupted as interrupted:
            ladder = interrupted.ladder
    if as_json:
        click.echo(json_text(ladder.to_json()))
    else:
        print_ladder(ladder, wide_console())
        if output is not None and not ladder.interrupted:
            click.echo(f"written: {output}; next: lmdm validate {output}")
    return 130 if ladder.interrupted else 1 if ladder.missed else 0

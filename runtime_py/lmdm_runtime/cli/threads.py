"""`lmdm threads`: measure how many threads make a block soonest on this machine, and leave the choice in the bundle."""

from __future__ import annotations

import json
from pathlib import Path

import click
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import Progress
from rich.table import Table


@click.command()
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option("--seconds", type=click.FloatRange(0, min_open=True), default=15.0, show_default=True, help="Music that each setting plays.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of a table.")
@click.option("--dry", is_flag=True, help="Measure and print; write nothing.")
def threads(bundle: Path, seconds: float, as_json: bool, dry: bool) -> None:
    """Measure 1 to N threads, N the physical cores, with and without spinning, and write BUNDLE/threads.json.

    Blocks are made at the pace of playback, the settings in turn. Chosen are the fewest threads whose 95th percentile is within a tenth of
    the shortest. Spinning is chosen only where it saves a quarter: between two blocks, spinning threads take cores from the audio thread.
    ONNX Runtime on the CPU then uses the choice, in Python and in C++, wherever no number of threads is given, on this machine only.

    \b
    Examples:
      lmdm threads out/default
      lmdm threads out/default --seconds 60 --dry --json
    """
    from lmdm_runtime.backends.onnxruntime import physical_cores
    from lmdm_runtime.bundle import load_bundle
    from lmdm_runtime.thread_choice import require_writable, write_choice
    from lmdm_runtime.thread_trials import ROUNDS, candidates, choose, measure

    loaded = load_bundle(bundle)
    if not dry:
        require_writable(bundle)
    settings = candidates(physical_cores())
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=as_json or not console.is_terminal) as progress:
        task = progress.add_task(f"{len(settings)} settings, {seconds:g} s each", total=ROUNDS * len(settings))
        trials = measure(loaded, settings, seconds, lambda: progress.advance(task))
    choice, measured = choose(trials), [trial.to_json() for trial in trials]
    path = None if dry else write_choice(bundle, choice, measured)
    if as_json:
        written = None if path is None else str(path)
        click.echo(json.dumps({"threads": choice.threads, "spinning": choice.spinning, "measured": measured, "file": written}, indent=1))
        return
    table = Table("threads", "waiting", "block p50, ms", "p95, ms", "processor, ms a block", "", box=SIMPLE_HEAD)
    for trial, row in zip(trials, measured, strict=True):
        figures = (f"{row[name]:.1f}" for name in ("p50_ms", "p95_ms", "cpu_ms_per_block"))
        mark = "chosen" if trial.choice == choice else ""
        table.add_row(str(trial.choice.threads), "spin" if trial.choice.spinning else "sleep", *figures, mark)
    Console().print(table)
    click.echo("nothing was written" if path is None else f"written to {path}")

"""`lmdm evaluate report`."""

from __future__ import annotations

import functools
import json
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from lmdm_train.evaluate.commands import accompaniment, distance, drift, options, sketch, transitions


@click.command()
@options.models
@options.music
@options.judge
@click.option("--seconds", type=click.FloatRange(30), default=120.0, show_default=True, help="Length of the long rollouts.")
@click.option("--pieces", type=click.IntRange(2), default=6, show_default=True, help="Pieces in each measure, all in one batch.")
@click.option("--primed", is_flag=True, help="Begin with the beginning of a real piece instead of nothing.")
@options.seed
@options.as_json
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("runs/report"),
    show_default=True,
    help="Folder for report.json and report.png.",
)
def report(
    checkpoints: tuple[str, ...],
    device: str,
    music: Path,
    judge_file: Path,
    seconds: float,
    pieces: int,
    primed: bool,
    seed: int,
    as_json: bool,
    output: Path,
) -> None:
    """Everything at once, for several models side by side: report.json and one page of plots."""
    from lmdm_train.checkpoint.files import write_atomically
    from lmdm_train.evaluate.judge import load_judge
    from lmdm_train.evaluate.models import parse_models
    from lmdm_train.evaluate.page import draw_page
    from lmdm_train.evaluate.report import Plan, Reporter

    plan = Plan(seconds=seconds, pieces=pieces, primed=primed, seed=seed)
    reporter = Reporter(music, load_judge(judge_file), plan, functools.partial(options.progress, quiet=as_json))
    found = reporter.report(parse_models(checkpoints), device)
    write_atomically(output / "report.json", (json.dumps(options.rounded(found.as_json()), indent=1) + "\n").encode())
    draw_page(output / "report.png", found)
    if as_json:
        options.print_json(found.as_json())
        return
    console = Console()
    rows = [*found.yardsticks, *(row for model in found.models for row in model.distances)]
    distance.print_tables(console, rows, f"{pieces} pieces, the first {plan.quality_seconds:.0f} s")
    prompts = Table("model", *(item.question for item in found.models[0].prompts), title="share of answers as asked (shuffled prompts)")
    for model in found.models:
        prompts.add_row(model.name, *(f"{item.asked:.2f} ({item.shuffled:.2f})" for item in model.prompts))
    console.print(prompts)
    console.print(drift.table({model.name: model.drift for model in found.models}))
    console.print(transitions.table([model.transition for model in found.models]))
    if sketched := [row for model in found.models for row in model.sketch]:
        console.print(sketch.table(sketched))
    if accompanied := [row for model in found.models for row in model.accompaniment]:
        console.print(accompaniment.table(accompanied, {}))
    speeds = ", ".join(f"{model.name} {model.speed:.1f}" for model in found.models)
    console.print(f"seconds of music a second, {pieces} pieces at once: {speeds}")
    console.print(f"wrote {output / 'report.json'} and {output / 'report.png'}")

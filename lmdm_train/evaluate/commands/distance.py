"""`lmdm evaluate distance`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.table import Table

from lmdm_train.evaluate.commands import options

if TYPE_CHECKING:
    from lmdm_train.evaluate.quality import Distance


@click.command()
@options.models
@options.music
@options.judge
@click.option("--pieces", type=click.IntRange(2), default=12, show_default=True, help="Held-out pieces, whose captions are played.")
@click.option("--seconds", type=click.FloatRange(6), default=20.0, show_default=True, help="Length of each.")
@options.seed
@options.as_json
@options.plot
def distance(
    checkpoints: tuple[str, ...],
    device: str,
    music: Path,
    judge_file: Path,
    pieces: int,
    seconds: float,
    seed: int,
    as_json: bool,
    plot: Path | None,
) -> None:
    """Fréchet and kernel distance of played music from held-out pieces, beside other real pieces (floor) and noisy ones (control)."""
    from lmdm_train.evaluate.features import Extractor, JudgeFeatures, LogMelStatistics
    from lmdm_train.evaluate.judge import load_judge
    from lmdm_train.evaluate.models import parse_models
    from lmdm_train.evaluate.play import blocks_of, play_frames, sound
    from lmdm_train.evaluate.plots import plot_distances
    from lmdm_train.evaluate.quality import RealSets, distances, extract

    extractors: list[Extractor] = [LogMelStatistics(), JudgeFeatures(load_judge(judge_file))]
    models = parse_models(checkpoints)
    rows: list[Distance] = []
    for model in models:
        instrument = model.load(device)
        real = RealSets.read(music, instrument.codec, pieces=pieces, seconds=seconds, seed=seed)
        references = real.references(extractors)
        if not rows:
            rows += real.yardsticks(extractors, references)
        blocks = blocks_of(instrument.config, real.seconds)
        with options.progress(model.name, blocks, as_json) as tick:
            audio = sound(instrument, play_frames(instrument, real.captions, blocks, seed=seed, on_block=tick))
        rows += distances(model.name, extract(extractors, audio[:, : real.held_out.shape[1]]), references)
    if plot is not None:
        plot_distances(plot, rows)
    if as_json:
        options.print_json({"pieces": pieces, "seconds": real.seconds, "seed": seed, "distances": [asdict(row) for row in rows]})
        return
    print_tables(Console(), rows, f"{pieces} pieces of {real.seconds:.1f} s")


def print_tables(console: Console, rows: Sequence[Distance], title: str) -> None:
    """One table for each reference."""
    extractors = list(dict.fromkeys(row.extractor for row in rows))
    for reference in dict.fromkeys(row.reference for row in rows):
        table = Table("music", *(f"{kind}, {name}" for name in extractors for kind in ("Fréchet", "kernel")))
        table.title = f"{title}, against {reference}"
        for subject in dict.fromkeys(row.subject for row in rows):
            cells = []
            for row in (row for row in rows if (row.subject, row.reference) == (subject, reference)):
                cells += [f"{row.frechet:.2f}" + (f" ± {row.spread:.2f}" if row.spread else ""), f"{row.kernel:.3f}"]
            table.add_row(subject, *cells)
        console.print(table)

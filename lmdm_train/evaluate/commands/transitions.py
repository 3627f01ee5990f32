"""`lmdm evaluate transitions`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.table import Table

from lmdm_train.evaluate.commands import options

if TYPE_CHECKING:
    from lmdm_train.evaluate.transitions import Transition


@click.command()
@options.models
@options.judge
@click.option("--pairs", "pairs_file", type=options.FILE, help="CSV with the columns prompt_a and prompt_b; by default the composer's.")
@click.option("--count", type=click.IntRange(2), default=12, show_default=True, help="Pairs, the first of the file.")
@click.option("--before", type=click.FloatRange(4), default=10.0, show_default=True, help="Seconds of the first prompt.")
@click.option("--during", type=click.FloatRange(0), default=10.0, show_default=True, help="Seconds of cross-fade.")
@click.option("--after", type=click.FloatRange(4), default=14.0, show_default=True, help="Seconds of the second prompt.")
@options.seed
@options.as_json
@options.plot
def transitions(
    checkpoints: tuple[str, ...],
    device: str,
    judge_file: Path,
    pairs_file: Path | None,
    count: int,
    before: float,
    during: float,
    after: float,
    seed: int,
    as_json: bool,
    plot: Path | None,
) -> None:
    """Which prompt is heard while one is cross-faded with another (paper Fig. 5).

    The paper's settings are part of a model: --checkpoint p4=FILE@solver=ping-pong,guidance=cfg++,scale=0.7,drop=180.
    """
    from lmdm_train.evaluate.judge import load_judge
    from lmdm_train.evaluate.models import parse_models
    from lmdm_train.evaluate.play import blocks_of
    from lmdm_train.evaluate.plots import plot_transitions
    from lmdm_train.evaluate.transitions import Fade, composed_pairs, play_transition, read_pairs

    judge = load_judge(judge_file)
    pairs = composed_pairs(count) if pairs_file is None else read_pairs(pairs_file)[:count]
    found = []
    for model in parse_models(checkpoints):
        instrument = model.load(device)
        fade = Fade(*(blocks_of(instrument.config, seconds) for seconds in (before, during, after)))
        with options.progress(model.name, fade.blocks, as_json) as tick:
            found.append(play_transition(instrument, model.name, judge, pairs, fade, seed=seed, on_block=tick))
    if plot is not None:
        plot_transitions(plot, found)
    if as_json:
        settings = {"before": before, "during": during, "after": after, "seed": seed}
        options.print_json({**settings, "models": [item.as_json() for item in found]})
        return
    Console().print(table(found))


def table(found: Sequence[Transition]) -> Table:
    made = Table("model", "first: start → end", "second: start → end", "neither: start → end", "crossing, s after the middle", "pairs")
    made.title = "prompt transitions: what the judge hears"
    for item in found:
        facts = item.summary()
        cells = [f"{facts[f'{what}_at_start']:.2f} → {facts[f'{what}_at_end']:.2f}" for what in ("first", "second", "third")]
        made.add_row(
            item.name, *cells, f"{item.crossing:+.1f}", str(item.pairs) + (f" ({item.left_out} left out)" if item.left_out else "")
        )
    return made

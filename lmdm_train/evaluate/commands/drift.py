"""`lmdm evaluate drift`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.table import Table

from lmdm_train.evaluate.commands import options

if TYPE_CHECKING:
    from lmdm_train.evaluate.curves import Curve


@click.command()
@options.models
@options.music
@options.judge
@click.option("--seconds", type=click.FloatRange(15), default=120.0, show_default=True, help="Length of each rollout.")
@click.option("--pieces", type=click.IntRange(2), default=6, show_default=True, help="Captions of held-out pieces, all in one batch.")
@click.option("--window", type=click.FloatRange(4), default=10.0, show_default=True, help="Sliding window in seconds.")
@click.option("--hop", type=click.FloatRange(0.5), default=2.0, show_default=True, help="Step of the window in seconds.")
@click.option("--primed", is_flag=True, help="Begin with the beginning of the captioned piece instead of nothing.")
@options.seed
@options.as_json
@options.plot
def drift(
    checkpoints: tuple[str, ...],
    device: str,
    music: Path,
    judge_file: Path,
    seconds: float,
    pieces: int,
    window: float,
    hop: float,
    primed: bool,
    seed: int,
    as_json: bool,
    plot: Path | None,
) -> None:
    """What becomes of a long rollout: every metric in sliding windows, and its slope, for several models side by side (paper Fig. 4)."""
    from lmdm_train.evaluate.curves import Windows
    from lmdm_train.evaluate.drift import drift_curves
    from lmdm_train.evaluate.judge import load_judge
    from lmdm_train.evaluate.longplay import play_long, same_codec, yardstick
    from lmdm_train.evaluate.models import parse_models
    from lmdm_train.evaluate.play import blocks_of
    from lmdm_train.evaluate.plots import plot_curves

    judge, curves, real, codec = load_judge(judge_file), {}, None, None
    for model in parse_models(checkpoints):
        instrument = model.load(device)
        if real is None or codec is None or not same_codec(codec, instrument.codec):
            codec, real = instrument.codec, yardstick(music, instrument.codec, pieces=pieces, seconds=window, seed=seed)
        with options.progress(model.name, blocks_of(instrument.config, seconds), as_json) as tick:
            played = play_long(instrument, real, pieces=pieces, seconds=seconds, primed=primed, seed=seed, on_block=tick)
        curves[model.name] = drift_curves(played, real, judge, Windows(seconds, window, hop))
    if plot is not None:
        plot_curves(plot, curves)
    if as_json:
        settings = {"seconds": seconds, "pieces": pieces, "window": window, "hop": hop, "primed": primed, "seed": seed}
        options.print_json({**settings, "models": {name: [item.as_json() for item in found] for name, found in curves.items()}})
        return
    Console().print(table(curves))


def table(curves: Mapping[str, Sequence[Curve]]) -> Table:
    """Mean, slope and rise of each metric, with standard errors over the pieces."""
    made = Table("metric", "model", "mean", "slope a minute", "steeper than the first", "last fifth - first", "real music", title="drift")
    first = next(iter(curves))
    for index in range(len(curves[first])):
        for name, found in curves.items():
            item = found[index]
            unit = f" ({item.unit})" if item.unit else ""
            made.add_row(
                f"{item.name}{unit}",
                name,
                f"{item.values.mean():.3g}",
                f"{item.slope:+.3g} ± {item.slope_error:.2g}",
                "" if name == first else "{:+.3g} ± {:.2g}".format(*item.steeper_than(curves[first][index])),
                f"{item.rise:+.3g} ± {item.rise_error:.2g}",
                "" if item.real is None else f"{item.real:.3g}" + (f" ± {item.real_spread:.2g}" if item.real_spread else ""),
            )
        made.add_section()
    return made

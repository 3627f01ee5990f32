"""`lmdm evaluate sketch`."""

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
    from lmdm_train.evaluate.loudness import Swell
    from lmdm_train.evaluate.sketch import Followed, Prompts


@click.command()
@options.models
@options.music
@click.option("--pieces", type=click.IntRange(2), default=12, show_default=True, help="Held-out pieces whose sketches are asked for.")
@click.option("--seconds", type=click.FloatRange(2), default=12.0, show_default=True, help="Length of each rollout.")
@click.option("--median", type=click.Choice(["1", "3", "5", "9", "15"]), default="1", show_default=True, help="Smoothing of the sketch.")
@click.option(
    "--prompts",
    type=click.Choice(["own", "shuffled"]),
    default="shuffled",
    show_default=True,
    help="Caption of the piece itself, or of another in another style, so that only the sketch can help.",
)
@click.option("--primed", is_flag=True, help="Begin with the piece's own beginning instead of nothing.")
@click.option("--use", "kinds", multiple=True, metavar="KIND", help="Only this control (pitch, loudness), repeatable; by default all.")
@options.seed
@options.as_json
@options.plot
def sketch(
    checkpoints: tuple[str, ...],
    device: str,
    music: Path,
    pieces: int,
    seconds: float,
    median: str,
    prompts: Prompts,
    primed: bool,
    kinds: tuple[str, ...],
    seed: int,
    as_json: bool,
    plot: Path | None,
) -> None:
    """How closely sketches of held-out pieces are followed, beside shuffled sketches (control) and the codec alone (ceiling)."""
    from lmdm_train.evaluate.loudness import SWELL_NEEDS_SECONDS, loudness_response, swell_following
    from lmdm_train.evaluate.models import parse_models
    from lmdm_train.evaluate.plots import plot_sketches
    from lmdm_train.evaluate.real import held_out_tracks
    from lmdm_train.evaluate.sketch import Sketches, play_sketches, sketch_following

    tracks = held_out_tracks(music, least=pieces)[:pieces]
    rows: list[Followed] = []
    responses: dict[str, float] = {}
    swells: dict[str, Swell] = {}
    for model in parse_models(checkpoints):
        instrument = model.load(device)
        sketches = Sketches.of(instrument, tracks, seconds=seconds, median=int(median))
        with options.progress(model.name, sketches.blocks, as_json) as tick:
            audio = play_sketches(instrument, sketches, prompts=prompts, primed=primed, kinds=kinds, seed=seed, on_block=tick)
        rows += sketch_following(instrument, sketches, audio, model.name)
        if "loudness" in sketches.controls and (not kinds or "loudness" in kinds):
            with options.progress(f"{model.name}, two levels", sketches.blocks, as_json) as tick:
                responses[model.name] = loudness_response(instrument, sketches, prompts=prompts, seed=seed, on_block=tick)
            if seconds >= SWELL_NEEDS_SECONDS:
                with options.progress(f"{model.name}, a swell", sketches.blocks, as_json) as tick:
                    swells[model.name] = swell_following(instrument, sketches, prompts=prompts, seed=seed, on_block=tick)
    if plot is not None:
        plot_sketches(plot, rows)
    if as_json:
        settings = {"pieces": pieces, "seconds": seconds, "median": int(median), "prompts": prompts, "primed": primed, "seed": seed}
        loudness = {"loudness_response": responses, "swell": {name: asdict(swell) for name, swell in swells.items()}}
        options.print_json({**settings, "use": list(kinds) or "all", **loudness, "following": [asdict(row) for row in rows]})
        return
    Console().print(table(rows))
    for name, response in responses.items():
        Console().print(f"{name}: {response:.2f} dB louder for each dB asked for (1 follows, 0 ignores)")
    for name, swell in swells.items():
        Console().print(
            f"{name}: a drawn swell is followed with r {swell.correlation:.2f} (shifted, the control: {swell.shifted:.2f}) "
            f"and {swell.slope:.2f} dB for each dB asked for"
        )


def table(rows: Sequence[Followed]) -> Table:
    made = Table("sketch", "loudness r", "loudness error, dB", "pitch bins recalled", "pitch classes recalled", title="sketch following")
    for row in rows:
        figures = {metric: getattr(row, metric) for metric in row.errors}
        made.add_row(row.subject, *(f"{value:.2f} ± {row.errors[metric]:.2f}" for metric, value in figures.items()))
    return made

"""`lmdm evaluate accompaniment`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.table import Table

from lmdm_train.evaluate.commands import options

if TYPE_CHECKING:
    from lmdm_train.evaluate.accompaniment import Coherence


@click.command()
@options.models
@options.music
@click.option("--pieces", type=click.IntRange(2), default=12, show_default=True, help="Held-out pieces whose stems are played to.")
@click.option("--seconds", type=click.FloatRange(4), default=12.0, show_default=True, help="Length of each rollout.")
@click.option("--role", default="", metavar="ROLE", help="Stem to be played (lead, chords, bass, drums); by default any.")
@click.option("--visibility", "-t", multiple=True, type=int, metavar="FRAMES", help="t_f, repeatable; by default as trained.")
@click.option("--primed", is_flag=True, help="Begin with the stem's own beginning instead of nothing.")
@click.option("--real-only", is_flag=True, help="Only how well the metric tells true pairs from random ones; plays nothing.")
@options.seed
@options.as_json
@options.plot
def accompaniment(
    checkpoints: tuple[str, ...],
    device: str,
    music: Path,
    pieces: int,
    seconds: float,
    role: str,
    visibility: tuple[int, ...],
    primed: bool,
    real_only: bool,
    seed: int,
    as_json: bool,
    plot: Path | None,
) -> None:
    """How well stems go with the music that they were played to, from random pairings (0) to true pairs (1), by t_f (paper Fig. 6)."""
    from lmdm_train.evaluate.accompaniment import Scale, StemPairs
    from lmdm_train.evaluate.accompany import after_context, play_along, visibilities
    from lmdm_train.evaluate.models import parse_models
    from lmdm_train.evaluate.play import decode
    from lmdm_train.evaluate.plots import plot_accompaniment
    from lmdm_train.evaluate.real import encode, held_out_tracks

    tracks = held_out_tracks(music, least=pieces)[:pieces]
    rows: list[tuple[float, Coherence]] = []
    separation: dict[str, float] = {}
    for model in parse_models(checkpoints):
        instrument = model.load(device)
        config, codec = instrument.config, instrument.codec
        wanted = [] if real_only else visibilities(config, visibility)
        frame = codec.frame_size / codec.sample_rate
        length = seconds + config.layout.context * frame
        pairs = StemPairs.read(tracks, codec.sample_rate, codec.frame_size, length, seed=seed, role=role)
        heard = after_context(pairs, config)
        scale = Scale.of(heard)
        separation = scale.auc()
        coded = decode(codec, encode(codec, heard.stem))
        rows += [(float("nan"), row) for row in scale.coherence("true stems through the codec", coded, heard)]
        for frames in wanted:
            with options.progress(
                f"{model.name}, t_f {frames}", heard.rest.shape[1] // codec.frame_size // config.layout.block, as_json
            ) as tick:
                stems = play_along(instrument, pairs, frames, primed=primed, seed=seed, on_block=tick)
            rows += [(frames * frame, row) for row in scale.coherence(model.name, stems, heard)]
    if plot is not None:
        plot_accompaniment(plot, rows, separation)
    if as_json:
        settings = {"pieces": pieces, "seconds": seconds, "role": role or "any", "primed": primed, "seed": seed}
        listed = [{"t_f_seconds": None if math.isnan(at) else at, **asdict(row)} for at, row in rows]
        options.print_json({**settings, "auc_true_from_random": separation, "coherence": listed})
        return
    Console().print(table(rows, separation))


def table(rows: Sequence[tuple[float, Coherence]], separation: Mapping[str, float]) -> Table:
    made = Table("stems", "t_f, s", "agreement", "score", "relative: 0 random, 1 true", title="accompaniment")
    if separation:
        made.title = "accompaniment; AUC on real pairs: " + ", ".join(f"{name} {value:.2f}" for name, value in separation.items())
    for at, row in rows:
        when = "" if math.isnan(at) else f"{at:+.2f}"
        made.add_row(row.subject, when, row.metric, f"{row.score:.3f}", f"{row.relative:.2f} ± {row.error:.2f}")
    return made

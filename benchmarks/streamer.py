"""`python -m benchmarks.streamer`: the Python runtime plays a bundle in a process of its own and tells the time of every block.

It imports no torch and nothing of the export, so that cold start and memory are those of the runtime.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import click

from benchmarks.command import Command

ENCODED_BLOCKS = 20
PROMPTS = ("ambient with warm pad", "techno with drums", "jazz with saxophone")


@click.command(cls=Command)
@click.argument("bundle", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--seconds", type=click.FloatRange(0, min_open=True), default=60.0, show_default=True, help="Of music.")
@click.option("--unpaced", is_flag=True, help="As fast as it goes, without a clock.")
@click.option("--threads", type=click.IntRange(1), default=1, show_default=True)
@click.option(
    "--change", type=click.FloatRange(0, min_open=True), default=5.0, show_default=True, help="Seconds from one prompt to the next."
)
@click.option("--follow", is_flag=True, help="Follow a sketch in every block, and time the codec's encoder.")
@click.option("--engine", default="onnxruntime", show_default=True, help="Backend.")
@click.option("--spawned", type=float, default=None, help="time.monotonic() of the caller when it started this process.")
def streamer(
    bundle: Path, seconds: float, unpaced: bool, threads: int, change: float, follow: bool, engine: str, spawned: float | None
) -> None:
    """Play BUNDLE and print one JSON object: cold start, seconds and milliseconds of every block, stages, underruns."""
    began = time.monotonic()
    from benchmarks.memory import memory_of
    from benchmarks.player import Player
    from lmdm_runtime.bundle import load_bundle

    imported = time.monotonic()
    loaded = load_bundle(bundle)
    read = time.monotonic()
    player = Player(loaded, engine, threads, PROMPTS, change)
    made = time.monotonic()
    player.first_block()
    first = time.monotonic()
    before = memory_of(os.getpid())
    encoded = None
    if follow:
        encoded = player.encode(ENCODED_BLOCKS)
        player.follow()
    underruns = player.play_unpaced(seconds) if unpaced else player.play_paced(seconds)
    start = began if spawned is None else spawned
    report: dict[str, Any] = {
        "bundle": loaded.manifest.name,
        "engine": engine,
        "cold_start_ms": {
            name: round(1e3 * (end - begin), 2)
            for name, begin, end in (
                ("interpreter", start, began),
                ("imports", began, imported),
                ("bundle", imported, read),
                ("session", read, made),
                ("first_block", made, first),
                ("all", start, first),
            )
        },
        "period_ms": round(1e3 * player.period, 4),
        "blocks": [[round(float(at), 3), round(float(ms), 4)] for at, ms in player.blocks],
        "stages_ms": player.stages if encoded is None else {"encode": encoded, **player.stages},
        "underruns": underruns,
        "prompt_changes": player.changes,
        "memory_mib": {"after_first_block": before, "at_end": memory_of(os.getpid())},
    }
    click.echo(json.dumps(report))


if __name__ == "__main__":
    streamer()

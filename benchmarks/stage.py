"""`python -m benchmarks.stage`: the plugin on stage, for half an hour and in real time, and what a musician would have heard of it."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

import click
import numpy as np
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from benchmarks import clicks, overload, response
from benchmarks.machine import describe_machine
from benchmarks.report import RESULTS, write_result
from benchmarks.stage_host import Performance, Performed, Stage, plucks
from benchmarks.stage_score import score
from lmdm_runtime.cli.documents import json_text

ROOT = Path(__file__).parents[1]
INPUT_SECONDS = 120
BROKEN_DEPTHS = (0.05, 0.1, 0.3)
# Caches and pools have filled by then.
SETTLED = 0.2


@click.command()
@click.option("--bundle", type=click.Path(exists=True, file_okay=False, path_type=Path), default="out/demo/bundle", show_default=True)
@click.option("--minutes", type=click.FloatRange(0.2), default=30.0, show_default=True, help="Of the long performance.")
@click.option("--build", type=click.Path(path_type=Path), default=ROOT / "build" / "plugin", help="Folder of the preset plugin.")
@click.option("--rate", type=click.IntRange(8000), default=48_000, show_default=True, help="Of the host.")
@click.option("--block", type=click.IntRange(16, 8192), default=128, show_default=True, help="Samples that the host asks for at a time.")
@click.option(
    "--priority", type=click.IntRange(0, 99), default=60, show_default=True, help="Realtime priority of the host's calls, if it may."
)
@click.option("--positions", type=click.IntRange(1), default=5, show_default=True, help="Places in a block for the round trip.")
@click.option("--name", default="default", show_default=True, help="Of the result file.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def stage(
    bundle: Path, minutes: float, build: Path, rate: int, block: int, priority: int, positions: int, name: str, as_json: bool
) -> None:
    """Play the VST3 in real time by a script of knobs, pedal, notes and prompts; measure the round trip, and overload the machine.

    Exit status 1 where the music of the long performance stopped or a seam of it is heard. Needs an idle machine and, for half an hour,
    a gigabyte of disk.

    \b
      cmake --preset plugin && cmake --build --preset plugin
      python -m benchmarks.stage
    """
    console = Console(stderr=True)
    machine = describe_machine()
    manifest = json.loads((bundle / "manifest.json").read_text())
    codec, model = manifest["codec"], manifest["model"]
    block_seconds = model["block"] * codec["frame_size"] / codec["sample_rate"]
    codec_seconds = codec["decoder"]["streaming"]["delay"] * codec["frame_size"] / codec["sample_rate"]
    with tempfile.TemporaryDirectory() as work:
        place = Stage(build, bundle, Path(work), rate, block, priority)
        with console.status("the round trip"):
            round_trip = response.measure(place, block_seconds, codec_seconds, positions)
        with console.status(f"on stage for {minutes:g} minutes"):
            long = perform(place, 60 * minutes, block_seconds)
        with console.status("overloading the machine on purpose"):
            overloaded = overload.measure(place)
    result = {
        "bundle": manifest["name"],
        "plugin_host": {"rate": rate, "block": block, "priority": long.pop("priority")},
        "stage": long,
        "round_trip": round_trip,
        "overload": overloaded,
        "load_average_after": [round(load, 2) for load in os.getloadavg()],
        "machine": machine,
    }
    path = RESULTS / f"stage-{name}.json"
    write_result(path, result)
    click.echo(json_text(result)) if as_json else _print(result, path)
    if long["underruns"] or long["clicks"]["heard"]:
        click.get_current_context().exit(1)


def perform(place: Stage, seconds: float, block_seconds: float) -> dict[str, Any]:
    """The long performance."""
    events = score(seconds)
    performed = Performance(place, "stage", seconds, plucks(place.rate, INPUT_SECONDS), events).wait()
    report = performed.report
    return {
        "minutes": round(seconds / 60, 2),
        "events": len(events),
        "blocks": performed.count("blocks"),
        "underruns": performed.count("underruns"),
        "dropped_blocks": performed.count("dropped"),
        "block_ms": {"median": round(float(np.median([line["block_ms"] for line in performed.journal])), 2)}
        | {"worst": round(max(line["worst_block_ms"] for line in performed.journal), 2)},
        "conditions": sorted({line["condition"] for line in performed.journal}),
        "latencies": report["latencies"],
        "ready_seconds": round(report["ready_seconds"], 2),
        "process_ms": report["process_ms"],
        "process_over_period": report["process_over_period"],
        "woken_late_ms": report["woken_late_ms"],
        "lost_frames": report["lost_frames"],
        "memory": _growth(report["memory"]),
        **_clicks(performed, place.rate, block_seconds),
        "priority": report["priority"],
    }


def _clicks(performed: Performed, rate: int, block_seconds: float) -> dict[str, Any]:
    """Of the recording, and of the same with seams that were broken on purpose, the smallest that is heard."""
    first, period = float(performed.latency), block_seconds * rate
    found = clicks.measure(performed.pieces(), first, period)
    controls = {}
    for depth in BROKEN_DEPTHS:
        pieces = ((begin, clicks.broken(begin, audio, first, period, depth)) for begin, audio in performed.pieces())
        controls[f"{depth:g} of the level"] = clicks.measure(pieces, first, period).to_json()
    return {"clicks": found.to_json(), "clicks_of_broken_seams": controls}


def _growth(memory: list[dict[str, float]]) -> dict[str, float]:
    """MiB, and the slope of a line through what is private once it has settled."""
    settled = memory[int(SETTLED * len(memory)) :]
    seconds, private = (np.array([line[name] for line in settled]) for name in ("seconds", "private_mib"))
    slope = np.polyfit(seconds, private, 1)[0] if len(settled) > 2 else float("nan")
    return {
        "private_first": memory[0]["private_mib"],
        "private_settled": float(private[0]),
        "private_last": float(private[-1]),
        "private_largest": max(line["private_mib"] for line in memory),
        "slope_mib_per_hour": round(3600 * float(slope), 3),
    }


def _print(result: dict[str, Any], path: Path) -> None:
    long, trip, over = result["stage"], result["round_trip"], result["overload"]
    console = Console()
    table = Table("", "", box=SIMPLE_HEAD, show_header=False)
    for row in (
        ("minutes, events", f"{long['minutes']:g}, {long['events']}"),
        ("blocks, underruns", f"{long['blocks']}, {long['underruns']}"),
        ("seams: median over elsewhere", f"{long['clicks']['median_ratio']}; heard: {long['clicks']['heard']}"),
        *(
            (f"the control, a step of {depth}", f"{found['median_ratio']}; heard: {found['heard']}")
            for depth, found in long["clicks_of_broken_seams"].items()
        ),
        ("memory, MiB; slope an hour", f"{long['memory']['private_last']}; {long['memory']['slope_mib_per_hour']}"),
        ("round trip, ms: reported, measured", f"{trip['reported_ms']}, {trip['measured_ms']}"),
        ("  of it", ", ".join(f"{name} {value}" for name, value in trip["parts_ms"].items())),
        ("overload: underruns, dropped blocks", f"{over['underruns']}, {over['dropped_blocks']}; then {over['condition_at_the_end']}"),
    ):
        table.add_row(*row)
    console.print(f"{result['bundle']} at {result['plugin_host']['rate']} Hz, calls of {result['plugin_host']['block']}")
    console.print(table)
    console.print(f"wrote {path}")


if __name__ == "__main__":
    stage()

"""`python -m benchmarks.hour`: both runtimes stream one bundle at the pace of a device; do blocks get slower, does memory grow?"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import numpy as np
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from benchmarks.command import Command
from benchmarks.machine import describe_machine
from benchmarks.report import RESULTS, file_name, with_load, write_result
from benchmarks.streams import CPP, PYTHON, TOOL, Streamed, blocks_of, cpp_command, python_command, stream, underruns_of
from benchmarks.trend import Slope, course, percentiles
from lmdm_runtime.bundle import load_bundle
from lmdm_runtime.cli.documents import json_text

BINS = 60
# Caches and pools have filled by then.
SETTLED = 0.2
MEMORY = ("written", "private", "proportional", "resident")


@click.command(cls=Command)
@click.option("--bundle", type=click.Path(exists=True, file_okay=False, path_type=Path), default="out/demo/bundle", show_default=True)
@click.option("--minutes", type=click.FloatRange(0.05), default=60.0, show_default=True, help="Length of the streams.")
@click.option("--threads", type=click.IntRange(1), default=1, show_default=True, help="Of each runtime.")
@click.option(
    "--runtime", type=click.Choice(["both", "c++", "python"]), default=None, help="By default both, or Python where no lmdm-bench is built."
)
@click.option("--growth-mib", type=click.FloatRange(0), default=4.0, show_default=True, help="Memory may grow by this much.")
@click.option("--tool", type=click.Path(dir_okay=False, path_type=Path), default=TOOL, show_default=True, help="The program lmdm-bench.")
@click.option("--name", default="default", show_default=True, help="Of the result file, results/hour-NAME.json, and of its picture.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def hour(bundle: Path, minutes: float, threads: int, runtime: str | None, growth_mib: float, tool: Path, name: str, as_json: bool) -> None:
    """Stream a bundle in both runtimes at once, each in a process of its own, with a new prompt every five seconds.

    C++ plays through LiveProcessor to a host of 48 kHz and 128 samples; Python keeps two blocks ahead of a clock. Exit status 1 where a
    block was not there when it was due, or where the memory that a runtime has written to lies --growth-mib higher in the last fifth
    than in the second.

    \b
      cmake --preset release && cmake --build --preset release
      python -m benchmarks.hour
      python -m benchmarks.hour --minutes 10 --name ten-minutes
    """
    console = Console(stderr=True)
    if runtime is None:
        runtime = "both" if tool.is_file() else "python"
        if runtime == "python":
            console.print(f"Python alone: there is no {tool}; build it with: cmake --preset release && cmake --build --preset release")
    elif runtime != "python" and not tool.is_file():
        raise click.ClickException(f"there is no {tool}; build it with: cmake --preset release && cmake --build --preset release")
    result = measure(bundle, 60 * minutes, threads, None if runtime == "python" else tool, runtime != "c++", growth_mib, console)
    path = RESULTS / f"hour-{file_name(name)}.json"
    write_result(path, result)
    from benchmarks.plot_hour import plot_hour

    plot_hour(path.with_suffix(".png"), result)
    click.echo(json_text(result)) if as_json else _print(result, path)
    if result["failures"]:
        click.get_current_context().exit(1)


def measure(
    bundle: Path, seconds: float, threads: int, tool: Path | None, python: bool, growth_mib: float, console: Console
) -> dict[str, Any]:
    """Figures of the runtimes over the same seconds, and `failures` in words.

    Raises:
        BundleError: the folder is no whole bundle.
        click.ClickException: a stream ended in an error; its own sentence.
    """
    manifest = load_bundle(bundle).manifest
    commands = {} if tool is None else {CPP: cpp_command(tool, bundle, seconds, threads)}
    if python:
        commands[PYTHON] = python_command(bundle, seconds, threads)
    machine = describe_machine()
    streamed = stream(commands, seconds, console)
    period_ms = 1e3 * manifest.model.block * manifest.codec.frame_size / manifest.codec.sample_rate
    figures = {subject: figures_of(of, seconds, period_ms) for subject, of in streamed.items()}
    return {
        "what": "paced streaming with prompt changes: blocks and memory over time",
        "bundle": manifest.name,
        "seconds": seconds,
        "threads": threads,
        "period_ms": round(period_ms, 3),
        "growth_bound_mib": growth_mib,
        "weights_mib": round((bundle / "graphs" / "weights.bin").stat().st_size / 2**20, 1),
        "failures": failures(figures, growth_mib),
        "figures": figures,
        "machine": with_load(machine),
    }


def figures_of(streamed: Streamed, seconds: float, period_ms: float) -> dict[str, Any]:
    """Blocks and memory of one program, with the course of each in `BINS` parts and the slope through their medians."""
    report, blocks = streamed.report, blocks_of(streamed.report)
    run = report.get("run", report)
    blocks_over_time = course(blocks[:, 0], blocks[:, 1], seconds, BINS)
    # A program that has ended its stream writes its report, which takes memory.
    memory = np.array([(at, found["written"]) for at, found in streamed.memory if at < seconds]).reshape(-1, 2)
    memory_over_time = course(memory[:, 0], memory[:, 1], seconds, BINS)
    settled = [i for i, at in enumerate(memory_over_time["seconds"]) if at >= SETTLED * seconds]
    settled_memory = ([memory_over_time[name][i] for i in settled] for name in ("seconds", "median"))
    late = blocks[:, 1] > period_ms
    return {
        "blocks": len(blocks),
        "block_ms": percentiles(blocks[:, 1]),
        "block_ms_an_hour": Slope.of(blocks_over_time["seconds"], blocks_over_time["median"]).to_json(),
        "underruns": underruns_of(report),
        "blocks_longer_than_the_period": int(late.sum()),
        "prompt_changes": run["prompt_changes"],
        "stages_ms": run["stages_ms"],
        "cold_start_ms": report["cold_start_ms"],
        "memory_mib": {
            name: max(found[name] for _, found in streamed.memory) for name in ("written", "private", "proportional", "resident")
        },
        "written_mib_an_hour": Slope.of(*settled_memory).to_json(),
        "written_grown_mib": grown(memory[:, 0], memory[:, 1], seconds),
        "blocks_over_time": blocks_over_time,
        "written_over_time": memory_over_time,
        **({"latency_ms": run["latency_ms"], "process_ms": run["process_ms"]} if "process_ms" in run else {}),
    }


def grown(seconds: np.ndarray, mib: np.ndarray, length: float) -> float:
    """Median of the last fifth less that of the second fifth; NaN without samples in both."""
    second, last = (mib[(seconds >= low * length) & (seconds < high * length)] for low, high in ((0.2, 0.4), (0.8, 1.0)))
    return round(float(np.median(last) - np.median(second)), 3) if len(second) and len(last) else float("nan")


def failures(figures: dict[str, Any], growth_mib: float) -> list[str]:
    """A sentence for each thing that went wrong."""
    found = []
    for subject, of in figures.items():
        if of["underruns"]:
            found.append(f"{subject}: {of['underruns']} of {of['blocks']} blocks were not there when they were due")
        # Not "grown > bound": memory that nobody saw must not pass.
        if not of["written_grown_mib"] <= growth_mib:
            found.append(f"{subject}: memory grew by {of['written_grown_mib']} MiB, allowed are {growth_mib:g}")
    return found


def _print(result: dict[str, Any], path: Path) -> None:
    figures = result["figures"]
    table = Table("", *figures, box=SIMPLE_HEAD)
    for label, told in ROWS.items():
        table.add_row(label, *(told(of) for of in figures.values()))
    console = Console()
    console.print(
        f"{result['bundle']}, {result['seconds'] / 60:.3g} minutes, {result['threads']} thread each; "
        f"a block lasts {result['period_ms']:.1f} ms"
    )
    console.print(table)
    for failure in result["failures"]:
        console.print(failure, style="red", highlight=False)
    console.print(f"wrote {path} and its picture", highlight=False)


def _slope(slope: dict[str, float | None]) -> str:
    return "?" if slope["per_hour"] is None else f"{slope['per_hour']:+.2g} ({slope['low']:+.2g} to {slope['high']:+.2g})"


ROWS: dict[str, Callable[[dict[str, Any]], str]] = {
    "blocks, underruns": lambda of: f"{of['blocks']}, {of['underruns']}",
    "p50, p95, p99, max, ms": lambda of: ", ".join(f"{of['block_ms'][name]:.1f}" for name in ("p50", "p95", "p99", "max")),
    "slope of a block, ms an hour": lambda of: _slope(of["block_ms_an_hour"]),
    "memory, MiB: " + ", ".join(MEMORY): lambda of: ", ".join(f"{of['memory_mib'][name]:.0f}" for name in MEMORY),
    "written grew by, MiB": lambda of: f"{of['written_grown_mib']:.2f}",
    "slope of written, MiB an hour": lambda of: _slope(of["written_mib_an_hour"]),
}


if __name__ == "__main__":
    hour()

"""`python -m benchmarks.paced`: the C++ and the Python runtime stream one bundle at the pace of a device, at the same time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import click
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from benchmarks.latency import RESULTS, write_result
from benchmarks.machine import describe_machine

ROOT = Path(__file__).parents[1]
TOOL = ROOT / "build" / "release" / "runtime_cpp" / "tools" / "lmdm-bench"
PROMPT = "jazz in G minor, 138 bpm, with saxophone, piano, acoustic bass and drums"
SUBJECTS = ("C++", "Python")
WATCH_SECONDS = 1.0


@click.command()
@click.option("--bundle", type=click.Path(exists=True, file_okay=False, path_type=Path), default="out/demo/bundle", show_default=True)
@click.option("--seconds", type=click.FloatRange(4), default=600.0, show_default=True, help="Length of the streams.")
@click.option("--threads", type=click.IntRange(1), default=1, show_default=True, help="Of each runtime.")
@click.option("--tool", type=click.Path(dir_okay=False, path_type=Path), default=TOOL, show_default=True, help="The program lmdm-bench.")
@click.option("--name", default="default", show_default=True, help="Of the result file.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def paced(bundle: Path, seconds: float, threads: int, tool: Path, name: str, as_json: bool) -> None:
    """Stream a bundle in both runtimes at once, each in a process of its own, and report blocks, underruns and memory.

    C++ plays through LiveProcessor to a host of 48 kHz and 128 samples, with a prompt change every five seconds; Python keeps two blocks
    ahead of a clock. Exit status 1 where either stopped.

    \b
      cmake --preset release && cmake --build --preset release
      python -m benchmarks.paced
    """
    if not tool.is_file():
        raise click.ClickException(f"there is no {tool}; build it with: cmake --preset release && cmake --build --preset release")
    result = measure(bundle, seconds, threads, tool, Console(stderr=True))
    path = RESULTS / f"paced-{name}.json"
    write_result(path, result)
    click.echo(json.dumps(result, indent=1)) if as_json else _print(result, path)
    if any(figures["underruns"] for figures in result["figures"].values()):
        click.get_current_context().exit(1)


def measure(bundle: Path, seconds: float, threads: int, tool: Path, console: Console) -> dict[str, Any]:
    """Figures of both runtimes over the same seconds.

    Raises:
        click.ClickException: a stream ended in an error; its own sentence.
    """
    common = [str(bundle), "--seconds", str(seconds), "--threads", str(threads), "--json"]
    python = [sys.executable, "-m", "lmdm_runtime.cli", "stream", *common, "--dry", "--prompt", PROMPT]
    commands = dict(zip(SUBJECTS, ([str(tool), *common], python), strict=True))
    # The tool looks for ONNX Runtime where this Python has it.
    environment = {"VIRTUAL_ENV": sys.prefix, **os.environ}
    machine = describe_machine()
    running = {
        subject: subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, cwd=ROOT)
        for subject, words in commands.items()
    }
    memory: dict[str, dict[str, float]] = {subject: {} for subject in SUBJECTS}
    with console.status(f"streaming for {seconds:.0f} s"):
        while any(process.poll() is None for process in running.values()):
            for subject, process in running.items():
                memory[subject] = _larger(memory[subject], memory_of(process.pid))
            time.sleep(min(WATCH_SECONDS, seconds / 10))
    figures = {}
    for subject, process in running.items():
        told, complaints = process.communicate()
        if process.returncode not in (0, 1) or not told.strip():
            raise click.ClickException(
                f"{subject} did not stream: {complaints.strip().splitlines()[-1] if complaints.strip() else 'no word'}"
            )
        figures[subject] = _figures(json.loads(told)) | {"memory_mib": memory[subject]}
    weights = (bundle / "graphs" / "weights.bin").stat().st_size / 2**20
    return {
        "bundle": json.loads((bundle / "manifest.json").read_text())["name"],
        "seconds": seconds,
        "threads": threads,
        "weights_mib": round(weights, 1),
        "figures": figures,
        "load_average_after": [round(load, 2) for load in os.getloadavg()],
        "machine": machine,
    }


def memory_of(process: int) -> dict[str, float]:
    """Private and proportional memory of a process in MiB (Linux); empty where it is gone or the system does not say."""
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()[1:]
    except OSError:
        return {}
    kib = {line.partition(":")[0]: int(line.split()[1]) for line in lines}
    return {
        "private": round((kib["Private_Clean"] + kib["Private_Dirty"]) / 1024, 1),
        "proportional": round(kib["Pss"] / 1024, 1),
        "resident": round(kib["Rss"] / 1024, 1),
    }


def _larger(a: dict[str, float], b: dict[str, float]) -> dict[str, float]:
    return {name: max(a.get(name, 0.0), b.get(name, 0.0)) for name in {**a, **b}}


def _figures(report: dict[str, Any]) -> dict[str, Any]:
    """The same names for the two programs' reports."""
    run = report.get("run")
    if run is None:
        return {name: report[name] for name in ("blocks", "period_ms", "p50_ms", "p95_ms", "p99_ms", "max_ms", "underruns")}
    block = run["stages_ms"]["block"]
    return {
        "blocks": run["blocks"],
        "period_ms": round(1000 * run["block_seconds"], 2),
        **{f"{name}_ms": round(block[name], 2) for name in ("p50", "p95", "p99", "max")},
        "underruns": run["underruns"],
        "latency_ms": round(run["latency_ms"], 1),
        "process_max_ms": round(run["process_ms"]["max"], 3),
        "prompt_changes": run["prompt_changes"],
        "cold_start_ms": round(report["cold_start_ms"]["all"]),
    }


def _print(result: dict[str, Any], path: Path) -> None:
    table = Table("", "blocks", "p50", "p95", "p99", "max", "underruns", "private", "resident", box=SIMPLE_HEAD)
    for subject, figures in result["figures"].items():
        memory = figures["memory_mib"]
        table.add_row(
            subject,
            str(figures["blocks"]),
            *(f"{figures[f'{name}_ms']:.1f}" for name in ("p50", "p95", "p99", "max")),
            str(figures["underruns"]),
            *(f"{memory.get(name, float('nan')):.0f}" for name in ("private", "resident")),
        )
    for column in table.columns:
        column.min_width = len(str(column.header))
    console = Console()
    console.print(f"{result['bundle']}, {result['seconds']:.0f} s at once, {result['threads']} thread each; milliseconds, MiB")
    console.print(table)
    console.print(f"weights: {result['weights_mib']} MiB; wrote {path}")


if __name__ == "__main__":
    paced()

"""The round trip of a bundle by stage: paced at the period of its blocks and back to back, from a cold start."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks.energy import EnergyMeter
from benchmarks.streams import CPP, PYTHON, blocks_of, cpp_command, python_command, stream, underruns_of
from benchmarks.trend import percentiles

MODES = {"paced": (), "back to back": ("--unpaced",)}


def measure_round_trip(bundle: Path, blocks: int, period: float, threads: int, tool: Path | None, console: Console) -> dict[str, Any]:
    """Every mode of the Python runtime, which follows a sketch, and of the C++ one where `tool` is there, one process after the other.

    Args:
        blocks: how many of them each plays.
        period: seconds that one lasts.
    """
    found: dict[str, Any] = {}
    seconds = blocks * period
    for mode, words in MODES.items():
        commands = {PYTHON: python_command(bundle, seconds, threads, "--follow", *words)}
        if tool is not None:
            commands[CPP] = [*cpp_command(tool, bundle, seconds, threads), *words]
        for subject, command in commands.items():
            meter = EnergyMeter()
            made = stream({subject: command}, seconds, console)[subject]
            found.setdefault(subject, {})[mode] = told(made.report) | {
                "memory_mib": {name: max(at[name] for _, at in made.memory) for name in made.memory[0][1]} if made.memory else {},
                "joules": meter.joules(),
                "energy": meter.reason or "all packages of the processor, start and load included",
            }
    return found


def told(report: dict[str, Any]) -> dict[str, Any]:
    """The same names for both programs."""
    run, cold = report.get("run", report), report["cold_start_ms"]
    unpaced = run.get("mode") == "unpaced"
    # A session, and its first block; the programs name their parts differently.
    session = cold["session"] if "session" in cold else cold["graphs"]
    return {
        "blocks": run["stages_ms"]["block"]["count"] if "run" in report else len(report["blocks"]),
        "block_ms": run["stages_ms"]["block"] if "run" in report else percentiles(blocks_of(report)[:, 1]),
        "stages_ms": {name: of for name, of in run["stages_ms"].items() if name != "block"},
        "underruns": 0 if unpaced else underruns_of(report),
        "cold_start_ms": cold,
        "first_frame_ms": {"of the process": cold["all"], "of the session": round(session + cold["first_block"], 2)},
        **({"latency_ms": run["latency_ms"]} if "latency_ms" in run else {}),
    }

"""Both runtimes as processes that play one bundle, watched from outside."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import IO, Any, NamedTuple

import click
import numpy as np
from rich.console import Console

from benchmarks.memory import memory_of
from benchmarks.streamer import PROMPTS

ROOT = Path(__file__).parents[1]
TOOL = ROOT / "build" / "release" / "runtime_cpp" / "tools" / "lmdm-bench"
CPP, PYTHON = "C++", "Python"
CHANGE_SECONDS = 5.0
WATCH_SECONDS = 1.0


class Streamed(NamedTuple):
    """What a program told, and its memory in MiB (see `memory_of`) with the seconds since it began."""

    report: dict[str, Any]
    memory: list[tuple[float, dict[str, float]]]


class Program(NamedTuple):
    """A process with the files that it writes to."""

    process: subprocess.Popen[bytes]
    told: IO[str]
    complaints: IO[str]


def python_command(bundle: Path, seconds: float, threads: int, *more: str) -> list[str]:
    """The Python runtime plays `bundle`; the time of its start is told to it, for the cold start."""
    command = [sys.executable, "-m", "benchmarks.streamer", str(bundle), "--seconds", str(seconds), "--threads", str(threads)]
    return [*command, "--change", str(CHANGE_SECONDS), *more]


def cpp_command(tool: Path, bundle: Path, seconds: float, threads: int) -> list[str]:
    """The C++ runtime plays it to a host without a device."""
    command = [str(tool), str(bundle), "--seconds", str(seconds), "--threads", str(threads), "--change", str(CHANGE_SECONDS)]
    return [*command, "--series", "--json", *(word for prompt in PROMPTS for word in ("--prompt", prompt))]


def stream(commands: dict[str, list[str]], seconds: float, console: Console) -> dict[str, Streamed]:
    """Runs all at once, and looks at their memory about once a second.

    Raises:
        click.ClickException: a stream ended in an error; its own sentence.
    """
    # The tool looks for ONNX Runtime where this Python has it.
    environment = {"VIRTUAL_ENV": sys.prefix, **os.environ}
    running = {subject: _start(words, environment) for subject, words in commands.items()}
    memory: dict[str, list[tuple[float, dict[str, float]]]] = {subject: [] for subject in commands}
    began = time.monotonic()
    try:
        with console.status(f"streaming for {seconds / 60:.3g} minutes: {' and '.join(commands)}"):
            while any(program.process.poll() is None for program in running.values()):
                for subject, program in running.items():
                    if found := memory_of(program.process.pid):
                        memory[subject].append((round(time.monotonic() - began, 3), found))
                time.sleep(min(WATCH_SECONDS, seconds / 50))
    finally:
        for program in running.values():
            program.process.kill()
    return {subject: Streamed(_report(subject, program), memory[subject]) for subject, program in running.items()}


def blocks_of(report: dict[str, Any]) -> np.ndarray:
    """[blocks, 2]: seconds and milliseconds of every block, of either program's report."""
    return np.array(report["run"]["series"] if "run" in report else report["blocks"], float).reshape(-1, 2)


def underruns_of(report: dict[str, Any]) -> int:
    """How often a block was not there when it was due."""
    return int(report["run"]["underruns"] if "run" in report else report["underruns"])


def _start(words: list[str], environment: dict[str, str]) -> Program:
    if "benchmarks.streamer" in words:
        words = [*words, "--spawned", str(time.monotonic())]
    # A report is longer than a pipe holds, and nobody reads while it plays.
    told, complaints = (tempfile.TemporaryFile("w+") for _ in range(2))  # noqa: SIM115
    return Program(subprocess.Popen(words, stdout=told, stderr=complaints, env=environment, cwd=ROOT), told, complaints)


def _report(subject: str, program: Program) -> dict[str, Any]:
    told, complaints = (_read(file) for file in (program.told, program.complaints))
    if program.process.wait() not in (0, 1) or not told.strip():
        last = complaints.strip().splitlines()[-1] if complaints.strip() else "it said nothing"
        raise click.ClickException(f"{subject} did not stream (exit status {program.process.returncode}): {last}")
    report: dict[str, Any] = json.loads(told)
    return report


def _read(file: IO[str]) -> str:
    with file:
        file.seek(0)
        return file.read()

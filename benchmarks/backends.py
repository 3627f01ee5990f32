"""`python -m benchmarks.backends`: the engines of the runtime on one bundle, each graph and a whole block, in turn in one process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from benchmarks.command import Command
from benchmarks.floor import Peak
from benchmarks.graph_work import graph_work
from benchmarks.job import PROMPT
from benchmarks.machine import describe_machine
from benchmarks.report import RESULTS, file_name, write_result
from benchmarks.source import float32_bundle
from benchmarks.timing import Milliseconds, Subject, in_turn
from lmdm_export.validate.metrics import compare
from lmdm_export.validate.truth import GraphProbe, silent
from lmdm_export.validate.truth_fixtures import FixtureTruth
from lmdm_runtime.backends import DEFAULT, ENGINES, make_backend
from lmdm_runtime.backends.base import Backend, Buffer
from lmdm_runtime.backends.onnxruntime import physical_cores
from lmdm_runtime.bundle import Bundle
from lmdm_runtime.errors import LmdmError
from lmdm_runtime.session import Session

BLOCK = "block with audio"
# Of an output's range. Seen are 6e-5 (history of the sketch) and 4e-3; swapped keys and values or another rotary base give 0.1 and more.
ALLOWED = {"float32": 1e-3, "bfloat16": 3e-2}
PROBE = (
    "import json, sys, torch; from benchmarks.floor import measure_peak; "
    "torch.set_num_threads(int(sys.argv[1])); p = measure_peak(); print(json.dumps([p.flops, p.read_bytes]))"
)


@click.command(cls=Command)
@click.option("--bundle", type=click.Path(path_type=Path), default=Path("out/demo/bundle"), show_default=True)
@click.option("--engine", "engines", type=click.Choice(list(ENGINES)), multiple=True, help="May be repeated; all that run here by default.")
@click.option("--runs", type=click.IntRange(3), default=30, show_default=True, help="Rounds in which every engine runs once.")
@click.option("--threads", type=click.IntRange(1), default=None, help="Of each engine; physical cores by default.")
@click.option("--name", help="Of the result file; by default the instrument's name, layout and threads.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def backends(bundle: Path, engines: tuple[str, ...], runs: int, threads: int | None, name: str | None, as_json: bool) -> None:
    """Time the engines on one bundle and write the result with the machine that it comes from.

    Every graph runs on its fixture, and its outputs are held against it. Exit status 1 where one of them is wrong, never for its time.

    \b
      python -m benchmarks.backends --bundle out/default
      python -m benchmarks.backends --engine onnxruntime --engine openvino-bf16 --runs 10 --threads 1
    """
    threads = threads or physical_cores()
    loaded = float32_bundle(bundle)
    found = opened(loaded, engines, threads)
    result = measure(loaded, found, runs, threads, Console(stderr=True))
    model = loaded.manifest.model
    label = name or f"{loaded.manifest.name}-{model.context}-{model.block}-{threads}t"
    path = RESULTS / f"backends-{file_name(label)}.json"
    write_result(path, result)
    click.echo(json.dumps(result, indent=1)) if as_json else _print(result, path)
    if result["wrong"]:
        click.get_current_context().exit(1)


def opened(bundle: Bundle, engines: Sequence[str], threads: int) -> dict[str, Backend]:
    """Those that were asked for, or all that can be opened here; the default is always among them.

    Raises:
        LmdmError: one that was asked for cannot be opened.
    """
    found = {DEFAULT: make_backend(DEFAULT, bundle, threads)}
    for engine in engines or ENGINES:
        if engine in found:
            continue
        try:
            found[engine] = make_backend(engine, bundle, threads)
        except LmdmError as error:
            if engines:
                raise
            click.echo(f"left out: {error}", err=True)
    return found


def measure(bundle: Bundle, engines: dict[str, Backend], runs: int, threads: int, console: Console) -> dict[str, Any]:
    """Every graph and a block; the machine's peak is probed before and after, in processes of its own, and the better one counts."""
    machine, before = describe_machine(), _peak(threads)
    stages: dict[str, dict[str, dict[str, float]]] = {}
    errors: dict[str, dict[str, float]] = {}
    for probe in FixtureTruth(bundle).graph_probes(silent):
        console.print(f"timing: {probe.graph}", highlight=False)
        bound = {engine: BoundProbe(bundle, backend, probe) for engine, backend in engines.items()}
        stages[probe.graph] = _timed({engine: item.run for engine, item in bound.items()}, runs)
        errors[probe.graph] = {engine: item.error() for engine, item in bound.items()}
    console.print(f"timing: {BLOCK}", highlight=False)
    stages[BLOCK] = _timed({engine: _session(bundle, backend).next_block for engine, backend in engines.items()}, runs)
    after = _peak(threads)
    peak = Peak(max(before.flops, after.flops), max(before.read_bytes, after.read_bytes))
    manifest = bundle.manifest
    return {
        "what": "engines on one bundle, milliseconds; they ran in turn",
        "machine": machine | {"load_average_after": [round(x, 2) for x in os.getloadavg()]},
        "instrument": {
            "name": manifest.name,
            "parameters": manifest.model.parameters,
            "pattern": manifest.model.pattern,
            "layout": f"{manifest.model.context}/{manifest.model.block}",
            "steps": len(manifest.sampling.schedule) - 1,
            "block_ms": 1e3 * manifest.model.block * manifest.codec.frame_size / manifest.codec.sample_rate,
        },
        "threads": threads,
        "runs": runs,
        "peak": {"gflops_float32": peak.flops / 1e9, "read_gb_s": peak.read_bytes / 1e9},
        "floor_ms": {graph: graph_work(bundle.graph_path(graph)).floor_ms(peak) for graph in manifest.graphs},
        "stages": stages,
        "error_of_range": errors,
        "wrong": [
            f"{graph} in {engine}"
            for graph, found in errors.items()
            for engine, error in found.items()
            if not error <= ALLOWED[engines[engine].precision]
        ],
    }


class BoundProbe:
    """One graph in one engine, on its fixture, in buffers that stay bound."""

    def __init__(self, bundle: Bundle, backend: Backend, probe: GraphProbe) -> None:
        entry = bundle.manifest.graphs[probe.graph]
        self.probe = probe
        self.buffers: dict[str, Buffer] = {port.name: backend.buffer(port) for port in (*entry.inputs, *entry.outputs)}
        for port in entry.inputs:
            self.buffers[port.name].write(probe.inputs[port.name])
        self.run: Subject = backend.bind(probe.graph, self.buffers).run

    def error(self) -> float:
        """Largest error over the output's range, of the worst output."""
        return max(compare(expected, self.buffers[name].read()).max_rel for name, expected in self.probe.expected.items())


def _session(bundle: Bundle, backend: Backend) -> Session:
    session = Session(bundle, backend=backend)
    if bundle.manifest.text is None:
        shape = (bundle.manifest.model.text_tokens, bundle.manifest.model.text_width)
        session.set_embedding(PROMPT, np.random.default_rng(0).standard_normal(shape, dtype=np.float32))
    session.set_prompt(PROMPT)
    return session


def _timed(subjects: dict[str, Subject], runs: int) -> dict[str, dict[str, float]]:
    return {engine: Milliseconds.of(samples).to_json() for engine, samples in in_turn(subjects, runs).items()}


def _peak(threads: int) -> Peak:
    """By torch, which must not share a process with OpenVINO."""
    made = subprocess.run([sys.executable, "-c", PROBE, str(threads)], check=True, capture_output=True, text=True)
    return Peak(*json.loads(made.stdout))


def _print(result: dict[str, Any], path: Path) -> None:
    instrument, machine, peak = result["instrument"], result["machine"], result["peak"]
    size = f"{instrument['parameters'] / 1e6:.1f}M parameters, {result['threads']} thread{'s' * (result['threads'] > 1)}"
    title = f"{instrument['name']} {instrument['layout']} ({size}), ms"
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for column in ("stage", "engine"):
        table.add_column(column, no_wrap=True)
    for column in ("median", "spread", "p95", "cpu", "×", "× cpu", "floor", "error"):
        table.add_column(column, justify="right", no_wrap=True)
    for stage, subjects in result["stages"].items():
        floor = result["floor_ms"].get(stage)
        for engine, ms in subjects.items():
            error = result["error_of_range"].get(stage, {}).get(engine)
            table.add_row(
                stage,
                engine,
                *(f"{ms[key]:.3g}" for key in ("median", "spread", "p95", "cpu")),
                f"{subjects[DEFAULT]['median'] / ms['median']:.2f}",
                f"{subjects[DEFAULT]['cpu'] / ms['cpu']:.2f}",
                "" if floor is None else f"{floor['floor']:.3g}",
                "" if error is None else f"{error:.1e}",
            )
    console = Console() if sys.stdout.isatty() else Console(width=130)
    console.print(table)
    load = f"{machine['load_average'][0]} to {machine['load_average_after'][0]}"
    console.print(
        f"× is how many times as fast as {DEFAULT}, by the clock and by processor time;\n"
        f"error is the largest over the range of an output, the floor that of float32\n"
        f"peak {peak['gflops_float32']:.0f} GFLOP/s and {peak['read_gb_s']:.1f} GB/s; load {load} on {machine['usable_cores']} cores of "
        f"{machine['cpu']}\n{path}",
        highlight=False,
    )
    for wrong in result["wrong"]:
        console.print(f"[bold red]wrong[/] {wrong}: run lmdm validate on the bundle", highlight=False)


if __name__ == "__main__":
    backends()

"""`python -m benchmarks.backends`: the engines of the runtime on one bundle, each graph and a whole block, in turn in one process."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np
from rich.console import Console

from benchmarks.command import Command
from benchmarks.floor import probe_peak
from benchmarks.graph_work import graph_work
from benchmarks.job import PROMPT
from benchmarks.machine import describe_machine
from benchmarks.report import RESULTS, file_name, instrument_of, instrument_table, measured_on, with_load, write_result
from benchmarks.source import float32_bundle
from benchmarks.timing import Milliseconds, Subject, in_turn
from lmdm_export.validate.metrics import compare
from lmdm_export.validate.truth import GraphProbe, silent
from lmdm_export.validate.truth_fixtures import FixtureTruth
from lmdm_runtime.backends import DEFAULT, ENGINES, make_backend
from lmdm_runtime.backends.base import Backend, Buffer
from lmdm_runtime.backends.onnxruntime import physical_cores
from lmdm_runtime.bundle import Bundle
from lmdm_runtime.cli.documents import json_text
from lmdm_runtime.cli.tables import wide_console
from lmdm_runtime.errors import LmdmError
from lmdm_runtime.session import Session

BLOCK = "block with audio"
# Of an output's range. Seen are 6e-5 (history of the sketch) and 4e-3; swapped keys and values or another rotary base give 0.1 and more.
ALLOWED = {"float32": 1e-3, "bfloat16": 3e-2}


@click.command(cls=Command)
@click.option("--bundle", type=click.Path(path_type=Path), default=Path("out/demo/bundle"), show_default=True)
@click.option("--engine", "engines", type=click.Choice(list(ENGINES)), multiple=True, help="May be repeated; all that run here by default.")
@click.option("--runs", type=click.IntRange(3), default=30, show_default=True, help="Rounds in which every engine runs once.")
@click.option("--threads", type=click.IntRange(1), default=None, help="Of each engine; physical cores by default.")
@click.option("--name", help="Of the result file; by default the instrument's name, layout and threads.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def backends(bundle: Path, engines: tuple[str, ...], runs: int, threads: int | None, name: str | None, as_json: bool) -> None:
    """Time the engines on one bundle and write the result with the machine that it comes from.

    Every graph runs on its fixture, and its outputs are held against it. Exit status 1 where one of them is wrong, which is
    not timed then; never for a time.

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
    click.echo(json_text(result)) if as_json else _print(result, path)
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
    """Every graph and a block of the engines that answer rightly. The peak is probed before and after, and the better one counts."""
    machine, before = describe_machine(), probe_peak(threads)
    stages: dict[str, dict[str, dict[str, float]]] = {}
    errors: dict[str, dict[str, float]] = {}
    wrong: list[tuple[str, str]] = []
    for probe in FixtureTruth(bundle).graph_probes(silent):
        console.print(f"timing: {probe.graph}", highlight=False)
        bound = {engine: BoundProbe(bundle, backend, probe) for engine, backend in engines.items()}
        errors[probe.graph] = {engine: item.error() for engine, item in bound.items()}
        missed = [engine for engine, error in errors[probe.graph].items() if not right(error, engines[engine])]
        stages[probe.graph] = _timed({engine: item.run for engine, item in bound.items() if engine not in missed}, runs)
        wrong += [(probe.graph, engine) for engine in missed]
    console.print(f"timing: {BLOCK}", highlight=False)
    trusted = engines.keys() - {engine for _, engine in wrong}
    sessions = {engine: _session(bundle, backend) for engine, backend in engines.items() if engine in trusted}
    stages[BLOCK] = _timed({engine: session.next_block for engine, session in sessions.items()}, runs)
    peak, manifest = before.best(probe_peak(threads)), bundle.manifest
    period = 1e3 * manifest.model.block * manifest.codec.frame_size / manifest.codec.sample_rate
    return {
        "what": "engines on one bundle, milliseconds; they ran in turn",
        "machine": with_load(machine),
        "instrument": instrument_of(manifest) | {"block_ms": period},
        "threads": threads,
        "runs": runs,
        "peak": peak.to_json(),
        "floor_ms": {graph: graph_work(bundle.graph_path(graph)).floor_ms(peak) for graph in manifest.graphs},
        "stages": stages,
        "error_of_range": errors,
        "wrong": [f"{graph} in {engine}" for graph, engine in wrong],
    }


def right(error: float, backend: Backend) -> bool:
    """Whether a graph may be timed; one that computes nonsense has no speed."""
    return error <= ALLOWED[backend.precision]


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
        """Largest error over the output's range, of the worst output of one run."""
        self.run()
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


def _print(result: dict[str, Any], path: Path) -> None:
    figures = ("median", "spread", "p95", "cpu", "×", "× cpu", "floor", "error")
    table = instrument_table(result, ("stage", "engine"), figures)
    for stage, subjects in result["stages"].items():
        floor, base = result["floor_ms"].get(stage), subjects.get(DEFAULT)
        for engine, ms in subjects.items():
            error = result["error_of_range"].get(stage, {}).get(engine)
            table.add_row(
                stage,
                engine,
                *(f"{ms[key]:.3g}" for key in ("median", "spread", "p95", "cpu")),
                *("" if base is None else f"{base[key] / ms[key]:.2f}" for key in ("median", "cpu")),
                "" if floor is None else f"{floor['floor']:.3g}",
                "" if error is None else f"{error:.1e}",
            )
    console = wide_console()
    console.print(table)
    console.print(
        f"× is how many times as fast as {DEFAULT}, by the clock and by processor time;\n"
        f"error is the largest over the range of an output, the floor that of float32\n{measured_on(result)}\n{path}",
        highlight=False,
    )
    for wrong in result["wrong"]:
        console.print(f"[bold red]wrong[/] {wrong}: not timed; run lmdm validate on the bundle", highlight=False)


if __name__ == "__main__":
    backends()

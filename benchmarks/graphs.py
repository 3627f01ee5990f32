"""`python -m benchmarks.graphs`: the files of each graph on ONNX Runtime's CPU provider, and all steps in one graph, beside the floor."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import click
import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from rich.console import Console

from benchmarks.command import Command
from benchmarks.floor import probe_peak
from benchmarks.graph_work import graph_work
from benchmarks.machine import describe_machine
from benchmarks.random_instrument import random_bundle, random_config
from benchmarks.report import RESULTS, file_name, instrument_of, instrument_table, measured_on, with_load, write_result
from benchmarks.source import WORK, float32_bundle
from benchmarks.timing import Milliseconds, Subject, in_turn
from benchmarks.unrolled import unrolled
from lmdm_export.validate.metrics import compare
from lmdm_export.validate.truth import GraphProbe, silent
from lmdm_export.validate.truth_fixtures import FixtureTruth
from lmdm_runtime.backends.huge_pages import huge_pages
from lmdm_runtime.backends.onnxruntime import RARELY_RUN, OrtBackend, OrtOptions
from lmdm_runtime.bundle import Bundle
from lmdm_runtime.cli.documents import json_text
from lmdm_runtime.cli.tables import wide_console
from lmdm_runtime.errors import BundleError
from lmdm_runtime.solvers import Guided, require_solver

Arrays = Mapping[str, NDArray[Any]]
DECODER = "cached_decoder"
STEPS = "steps of a block"
SMALL_PAGES = "small pages"
# Largest error over an output's range: of a file against its fixture as in benchmarks.backends, of rearranged steps against the same steps
# one by one. The latter differ by the order of sums, some 1e-6 a step; a level or a noise in the wrong place gives 0.1 and more.
ALLOWED = 1e-3
ALLOWED_STEPS = 1e-4


@click.command(cls=Command)
@click.option("--bundle", type=click.Path(path_type=Path), default=Path("out/demo/bundle"), show_default=True)
@click.option("--preset", help="Time this preset with random weights in place of a bundle; its codec is a tiny one.")
@click.option("--layout", help="Of the preset, such as 230/10.")
@click.option("--runs", type=click.IntRange(3), default=50, show_default=True, help="Rounds in which every subject runs once.")
@click.option("--threads", type=click.IntRange(1), default=1, show_default=True, help="Of each session, and of the floor's probe.")
@click.option("--steps/--no-steps", default=True, show_default=True, help="Time all steps of a block in one graph too.")
@click.option("--name", help="Of the result file; by default the instrument's name, layout and threads.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def graphs(
    bundle: Path, preset: str | None, layout: str | None, runs: int, threads: int, steps: bool, name: str | None, as_json: bool
) -> None:
    """Time the files of each graph of one bundle in turn. A graph that is not equal within its bound gets no time, and exit status 1.

    \b
      python -m benchmarks.graphs --bundle out/default
      python -m benchmarks.graphs --preset lmdm-arc-ed --layout 230/10 --runs 10
    """
    if preset is not None:
        bundle = random_bundle(random_config(preset, layout, small_codec=True), WORK)
    loaded = float32_bundle(bundle)
    result = measure(loaded, runs, threads, steps, Console(stderr=True))
    model = loaded.manifest.model
    path = RESULTS / f"graphs-{file_name(name or f'{loaded.manifest.name}-{model.context}-{model.block}-{threads}t')}.json"
    write_result(path, result)
    click.echo(json_text(result)) if as_json else _print(result, path)
    if result["wrong"]:
        click.get_current_context().exit(1)


def measure(bundle: Bundle, runs: int, threads: int, steps: bool, console: Console) -> dict[str, Any]:
    """Every graph in each of its files, then the steps of a block; the peak is probed before and after, and the better one counts."""
    machine, before = describe_machine(), probe_peak(threads)
    manifest, options = bundle.manifest, _session_options(bundle, threads)
    stages: dict[str, dict[str, dict[str, float]]] = {}
    errors: dict[str, dict[str, float]] = {}
    wrong, left_out = [], []
    for probe in FixtureTruth(bundle).graph_probes(silent):
        console.print(f"timing: {probe.graph}", highlight=False)
        opened = _opened(bundle, probe, options[probe.graph])
        errors[probe.graph] = {kind: item.error(probe.expected) for kind, item in opened.items()}
        right = {kind: item for kind, item in opened.items() if errors[probe.graph][kind] <= ALLOWED}
        wrong += [f"{kind} file of {probe.graph}" for kind in opened if kind not in right]
        stages[probe.graph] = _timed({kind: item.run for kind, item in right.items()}, runs)
        if probe.graph == DECODER and steps:
            try:
                decoders = {kind: item for kind, item in right.items() if SMALL_PAGES not in kind}
                subjects, errors[STEPS] = steps_of_block(bundle, probe, options[DECODER], decoders)
            except BundleError as error:
                left_out.append(str(error))
                continue
            kept = {kind: run for kind, run in subjects.items() if errors[STEPS][kind] <= ALLOWED_STEPS}
            wrong += [f"{kind} of {STEPS}" for kind in subjects if kind not in kept]
            stages[STEPS] = _timed(kept, runs)
    peak, instrument = before.best(probe_peak(threads)), instrument_of(manifest)
    work = {graph: graph_work(bundle.graph_path(graph)) for graph in manifest.graphs}
    return {
        "what": "files of each graph on ONNX Runtime's CPU provider, milliseconds; they ran in turn",
        "machine": with_load(machine) | {"onnxruntime": ort.__version__},
        "instrument": instrument,
        "threads": threads,
        "runs": runs,
        "peak": peak.to_json(),
        "floor_ms": {graph: item.floor_ms(peak) for graph, item in work.items()}
        | {STEPS: (instrument["steps"] * work[DECODER]).floor_ms(peak)},
        "stages": stages,
        "error_of_range": errors,
        "left_out": left_out,
        "wrong": wrong,
    }


def graph_files(bundle: Bundle, graph: str) -> dict[str, Path]:
    """Files of a graph by kind, `plain` first; `fused` has ONNX Runtime's own operators."""
    fused = bundle.manifest.graphs[graph].fused
    return {"plain": bundle.graph_path(graph), **({} if fused is None else {"fused": bundle.path(fused.file)})}


def _opened(bundle: Bundle, probe: GraphProbe, options: ort.SessionOptions) -> dict[str, Bound]:
    """The files of a graph as the runtime opens them, and the last of them in small pages where the runtime prepacks it."""
    files, small = graph_files(bundle, probe.graph), {}
    if probe.graph not in RARELY_RUN:
        # The first to be opened, so that it cannot lie where another had asked for huge pages.
        kind, path = list(files.items())[-1]
        small[f"{kind}, {SMALL_PAGES}"] = Bound.of_file(path, options, probe.inputs, huge=False)
    return {kind: Bound.of_file(path, options, probe.inputs) for kind, path in files.items()} | small


class Bound:
    """A session whose inputs and outputs stay in the same memory."""

    def __init__(self, session: ort.InferenceSession, inputs: Arrays) -> None:
        self.session, self.binding = session, session.io_binding()
        self.inputs = {
            port.name: ort.OrtValue.ortvalue_from_numpy(np.ascontiguousarray(inputs[port.name])) for port in session.get_inputs()
        }
        shapes = {port.name: port.shape for port in session.get_outputs()}
        self.outputs = {name: ort.OrtValue.ortvalue_from_numpy(np.zeros(shape, np.float32)) for name, shape in shapes.items()}
        for name, value in self.inputs.items():
            self.binding.bind_ortvalue_input(name, value)
        for name, value in self.outputs.items():
            self.binding.bind_ortvalue_output(name, value)

    @classmethod
    def of_file(cls, path: Path, options: ort.SessionOptions, inputs: Arrays, *, huge: bool = True) -> Bound:
        """`huge`: in huge pages, as the runtime opens it."""
        with huge_pages(huge):
            return cls(ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"]), inputs)

    def run(self) -> None:
        self.session.run_with_iobinding(self.binding)

    def error(self, expected: Arrays) -> float:
        """Largest error over the output's range, of the worst output of one run."""
        self.run()
        return max(compare(value, self.outputs[name].numpy()).max_rel for name, value in expected.items())


def steps_of_block(
    bundle: Bundle, probe: GraphProbe, options: ort.SessionOptions, decoders: dict[str, Bound]
) -> tuple[dict[str, Subject], dict[str, float]]:
    """All steps of a block, one run each and in one graph, for every file of the cached decoder; and the error of each against the first.

    Raises:
        BundleError: the instrument's steps cannot be written as one graph.
    """
    sampling = bundle.manifest.sampling
    levels, solver = sampling.schedule, require_solver(sampling.solver, sampling.guidance)
    rng, shape = np.random.default_rng(0), probe.inputs["x"].shape
    start = rng.standard_normal(shape, dtype=np.float32)
    noise = {f"noise_{step}": rng.standard_normal(shape, dtype=np.float32) for step in range(1, len(levels) - 1)}

    def one_by_one(decoder: Bound) -> NDArray[Any]:
        def velocity(x: NDArray[Any], t: float) -> Guided:
            decoder.inputs["x"].update_inplace(np.ascontiguousarray(x, np.float32))
            decoder.inputs["t"].update_inplace(np.full(1, t, np.float32))
            decoder.run()
            found = decoder.outputs["velocity"].numpy()
            return Guided(found, found)

        return solver(velocity, start, levels, lambda step: noise[f"noise_{step}"])

    subjects: dict[str, Subject] = {}
    found: dict[str, NDArray[Any]] = {}
    for kind, decoder in decoders.items():
        model = unrolled(graph_files(bundle, DECODER)[kind], levels, sampling.solver).SerializeToString()
        inputs = {**probe.inputs, "x": start, **noise}
        with huge_pages():
            whole = Bound(ort.InferenceSession(model, options, providers=["CPUExecutionProvider"]), inputs)
        whole.run()
        found |= {f"{kind}, one by one": one_by_one(decoder), f"{kind}, one graph": whole.outputs["x0"].numpy()}
        subjects |= {f"{kind}, one by one": partial(one_by_one, decoder), f"{kind}, one graph": whole.run}
    reference = next(iter(found)) if found else ""
    return subjects, {kind: compare(found[reference], value).max_rel for kind, value in found.items()}


def _session_options(bundle: Bundle, threads: int) -> dict[str, ort.SessionOptions]:
    """Those that the runtime uses."""
    backend = OrtBackend(bundle, OrtOptions(threads=threads))
    return {graph: backend._session_options(graph) for graph in bundle.manifest.graphs}


def _timed(subjects: dict[str, Subject], runs: int) -> dict[str, dict[str, float]]:
    return {kind: Milliseconds.of(samples).to_json() for kind, samples in in_turn(subjects, runs).items()}


def _print(result: dict[str, Any], path: Path) -> None:
    figures = ("median", "spread", "p95", "cpu", "× cpu", "floor", "× floor", "error")
    table = instrument_table(result, ("graph", "file"), figures)
    for stage, subjects in result["stages"].items():
        floor, first = result["floor_ms"][stage]["floor"], next(iter(subjects.values()), None)
        for kind, ms in subjects.items():
            table.add_row(
                stage,
                kind,
                *(f"{ms[key]:.3g}" for key in ("median", "spread", "p95", "cpu")),
                f"{first['cpu'] / ms['cpu']:.2f}" if first else "",
                f"{floor:.3g}",
                f"{ms['median'] / floor:.2f}",
                f"{result['error_of_range'][stage][kind]:.1e}",
            )
    console = wide_console()
    console.print(table)
    console.print(
        "× cpu is how many times as cheap as the first of its graph; the floor is that of the products and bytes of the plain file\n"
        f"{measured_on(result)}\n{path}",
        highlight=False,
    )
    for sentence in result["left_out"]:
        console.print(f"left out: {sentence}", highlight=False)
    for wrong in result["wrong"]:
        console.print(f"[bold red]wrong[/] {wrong}: not timed; run lmdm validate on the bundle", highlight=False)


if __name__ == "__main__":
    graphs()

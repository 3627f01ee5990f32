"""`python -m benchmarks.graphs`: each graph of the network plain, fused and in int8, in turn, against the floor of its products."""

from __future__ import annotations

import json
import math
import os
import re
from pathlib import Path
from typing import Any

import click
import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from benchmarks.floor import Peak, Work, measure_peak
from benchmarks.latency import RESULTS, write_result
from benchmarks.machine import describe_machine
from benchmarks.timing import Milliseconds, in_turn
from lmdm_runtime.backends.base import Binding, Buffer
from lmdm_runtime.backends.onnxruntime import OrtBackend, OrtOptions
from lmdm_runtime.bundle import Bundle, load_bundle

GRAPHS = ("context_encoder", "cached_decoder")
PLAIN, FUSED, INT8 = "plain", "fused", "int8"
# Of the largest output. Rounding of these graphs is some 1e-6 of it; a graph that computes something else misses by 1e-2 and more.
ROUNDING = 1e-4


@click.command()
@click.option("--bundle", type=click.Path(path_type=Path), help="A bundle with fused graphs.")
@click.option("--int8-bundle", type=click.Path(path_type=Path), help="The same instrument in int8; its error is shown, not judged.")
@click.option("--preset", help="A preset with random weights instead, with a tiny codec, exported into --work.")
@click.option("--layout", metavar="CONTEXT/BLOCK", help="Layout of the preset, such as 230/10.")
@click.option(
    "--work", type=click.Path(path_type=Path), default=Path("build/benchmarks"), show_default=True, help="Where presets are kept."
)
@click.option("--runs", type=click.IntRange(3), default=200, show_default=True, help="Rounds in which every subject runs once.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def graphs(
    bundle: Path | None, int8_bundle: Path | None, preset: str | None, layout: str | None, work: Path, runs: int, as_json: bool
) -> None:
    """Time the network's graphs in ONNX Runtime on one thread, and write the result with the machine that it comes from.

    \b
      python -m benchmarks.graphs --bundle out/default
      python -m benchmarks.graphs --preset lmdm-arc-ed --layout 230/10 --runs 5
    """
    if (bundle is None) == (preset is None):
        raise click.UsageError("give either --bundle or --preset")
    if preset is not None:
        from benchmarks.random_instrument import random_bundle, random_config

        bundle = random_bundle(random_config(preset, layout, small_codec=True), work)
    assert bundle is not None
    result = measure(load_bundle(bundle), None if int8_bundle is None else load_bundle(int8_bundle), runs)
    path = RESULTS / f"graphs-{re.sub(r'[^a-z0-9]+', '-', result['instrument'].lower())}.json"
    write_result(path, result)
    click.echo(json.dumps(result, indent=1)) if as_json else _print(result, path)


def measure(bundle: Bundle, int8: Bundle | None, runs: int) -> dict[str, Any]:
    """Every graph in every form, with probes of the machine's peak before and after; the better one counts.

    Raises:
        click.ClickException: a graph has no fused form, or it misses the plain one by more than rounding.
    """
    torch.set_num_threads(1)
    machine, before = describe_machine(), measure_peak()
    found: dict[str, Any] = {}
    for name in GRAPHS:
        if bundle.manifest.graphs[name].fused is None:
            raise click.ClickException(f"{bundle.folder} has no fused {name}; export the checkpoint again with lmdm export")
        forms = {PLAIN: Form(bundle, name, fused=False), FUSED: Form(bundle, name)} | ({} if int8 is None else {INT8: Form(int8, name)})
        expected = forms[PLAIN].outputs()
        errors = {form: distance(expected, subject.outputs()) for form, subject in forms.items() if form != PLAIN}
        if not errors[FUSED] <= ROUNDING:
            raise click.ClickException(
                f"{name}, fused, misses the plain graph by {errors[FUSED]:.2g} of its largest output, expected at most {ROUNDING:g}; "
                "run lmdm validate on the bundle"
            )
        samples = in_turn({form: subject.binding.run for form, subject in forms.items()}, runs)
        times = {form: Milliseconds.of(taken).to_json() for form, taken in samples.items()}
        found[name] = {"ms": times, "error": errors, "work": graph_work(bundle.graph_path(name))}
    after = measure_peak()
    peak = Peak(max(before.flops, after.flops), max(before.read_bytes, after.read_bytes))
    for entry in found.values():
        work: Work = entry.pop("work")
        entry |= {"floor_ms": work.floor_ms(peak), "megaflop": work.operations / 1e6, "read_mb": work.read_bytes / 1e6}
        # Of processor time, which other work disturbs less; on one thread it is the graph's own.
        entry["speedup"] = {form: round(entry["ms"][PLAIN]["cpu"] / ms["cpu"], 3) for form, ms in entry["ms"].items()}
    model = bundle.manifest.model
    return {
        "what": "milliseconds of each graph of the network on one thread of ONNX Runtime; forms ran in turn",
        "machine": machine | {"load_average_after": [round(x, 2) for x in os.getloadavg()]},
        "instrument": f"{bundle.manifest.name} {model.context}/{model.block}",
        "runs": runs,
        "peak": {"gflops_float32": peak.flops / 1e9, "read_gb_s": peak.read_bytes / 1e9},
        "graphs": found,
    }


class Form:
    """One graph file in buffers of its own, with the same inputs as every other form of it."""

    def __init__(self, bundle: Bundle, graph: str, *, fused: bool = True) -> None:
        entry, backend = bundle.manifest.graphs[graph], OrtBackend(bundle, OrtOptions(threads=1, fused=fused))
        self._buffers: dict[str, Buffer] = {port.name: backend.buffer(port) for port in (*entry.inputs, *entry.outputs)}
        self._made = [port.name for port in entry.outputs]
        draw = np.random.default_rng(0)
        for port in entry.inputs:
            drawn = draw.standard_normal(port.shape, dtype=np.float32)
            self._buffers[port.name].write(drawn if port.dtype == "float32" else np.full(port.shape, bundle.manifest.model.context))
        self.binding: Binding = backend.bind(graph, self._buffers)

    def outputs(self) -> dict[str, NDArray]:
        self.binding.run()
        return {name: self._buffers[name].read() for name in self._made}


def distance(expected: dict[str, NDArray], found: dict[str, NDArray]) -> float:
    """Largest error of an output over its largest value; NaN where anything is."""
    return float(np.max([np.max(np.abs(value - found[name])) / np.max(np.abs(value)) for name, value in expected.items()]))


def graph_work(path: Path) -> Work:
    """Operations of the products of a plain graph, and the bytes of its weights and inputs, which each run reads."""
    graph = onnx.shape_inference.infer_shapes(onnx.load(path, load_external_data=False)).graph
    shapes = {v.name: [d.dim_value for d in v.type.tensor_type.shape.dim] for v in (*graph.input, *graph.output, *graph.value_info)}
    shapes |= {tensor.name: list(tensor.dims) for tensor in graph.initializer}
    summed = {"MatMul": lambda node: shapes[node.input[0]][-1], "Conv": lambda node: math.prod(shapes[node.input[1]][1:])}
    summed["Gemm"] = summed["MatMul"]
    operations = sum(2 * math.prod(shapes[n.output[0]]) * summed[n.op_type](n) for n in graph.node if n.op_type in summed)
    read = [*graph.input, *(t for t in graph.initializer if t.data_type == onnx.TensorProto.FLOAT)]
    return Work(float(operations), 4.0 * sum(math.prod(shapes[value.name]) for value in read))


def _print(result: dict[str, Any], path: Path) -> None:
    table = Table(title=f"{result['instrument']}, one thread, ms", title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for column in ("graph", "form", "median", "fastest", "cpu", "plain/form", "error", "floor"):
        table.add_column(column, justify="left" if column in ("graph", "form") else "right", no_wrap=True)
    for name, entry in result["graphs"].items():
        for form, ms in entry["ms"].items():
            figures = (f"{ms[key]:.3g}" for key in ("median", "fastest", "cpu"))
            error = f"{entry['error'][form]:.1e}" if form in entry["error"] else ""
            table.add_row(name, form, *figures, f"{entry['speedup'][form]:.2f}", error, f"{entry['floor_ms']['floor']:.3g}")
    Console().print(table)
    click.echo("plain/form is of processor time")
    click.echo(f"load {result['machine']['load_average'][0]} to {result['machine']['load_average_after'][0]}\n{path}")


if __name__ == "__main__":
    graphs()

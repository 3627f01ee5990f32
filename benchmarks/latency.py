"""`python -m benchmarks.latency`: milliseconds per step, context pass, block and decode, torch beside ONNX Runtime in the same run."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import click
import numpy as np
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from benchmarks.floor import Peak, measure_peak
from benchmarks.machine import describe_machine
from benchmarks.report import RESULTS, file_name, write_result
from benchmarks.subjects import MASKED, RUNTIME, Pair, Stage
from benchmarks.timing import Milliseconds, in_turn
from lmdm_runtime.backends.onnxruntime import physical_cores


@click.command()
@click.option("--checkpoint", type=click.Path(path_type=Path), help="NAME.safetensors; with --bundle.")
@click.option("--bundle", type=click.Path(path_type=Path), help="The bundle that was exported from it.")
@click.option("--preset", help="A preset with random weights instead, exported into --work.")
@click.option("--layout", metavar="CONTEXT/BLOCK", help="Layout of the preset, such as 230/10.")
@click.option("--small-codec", is_flag=True, help="Put a tiny codec in place of the preset's; its decode is left out.")
@click.option(
    "--work",
    type=click.Path(path_type=Path),
    default=Path("build/benchmarks"),
    show_default=True,
    help="Where bundles of presets are kept.",
)
@click.option("--runs", type=click.IntRange(3), default=20, show_default=True, help="Rounds in which every subject runs once.")
@click.option("--threads", type=click.IntRange(1), default=None, help="Of torch and of ONNX Runtime alike; physical cores by default.")
@click.option("--masked/--no-masked", default=True, show_default=True, help="Also Algorithm 1, which has no cache.")
@click.option("--name", help="Of the result file; by default the instrument's name, layout and threads.")
@click.option("--plot/--no-plot", default=True, show_default=True, help="A picture beside the result.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def latency(
    checkpoint: Path | None,
    bundle: Path | None,
    preset: str | None,
    layout: str | None,
    small_codec: bool,
    work: Path,
    runs: int,
    threads: int | None,
    masked: bool,
    name: str | None,
    plot: bool,
    as_json: bool,
) -> None:
    """Time one instrument in torch and in ONNX Runtime, in turn, and write the result with the machine that it comes from.

    \b
      python -m benchmarks.latency --checkpoint runs/default.safetensors --bundle out/default
      python -m benchmarks.latency --preset lmdm-arc-ed --layout 230/10 --small-codec --runs 5
    """
    console = Console(stderr=True)
    threads = threads or physical_cores()
    pair = _pair(checkpoint, bundle, preset, layout, small_codec, work, threads, console)
    result = measure(pair, runs, masked, skip_decode=small_codec, console=console)
    if preset is not None and small_codec:
        result["instrument"]["block_ms"] = block_ms(preset, layout)
    model = pair.bundle.manifest.model
    label = name or f"{pair.bundle.manifest.name}-{model.context}-{model.block}-{threads}t"
    path = RESULTS / f"latency-{file_name(label)}.json"
    write_result(path, result)
    if plot:
        from benchmarks.plot import plot_latency

        plot_latency(path.with_suffix(".png"), result)
    click.echo(json.dumps(result, indent=1)) if as_json else _print(result, path)


def measure(pair: Pair, runs: int, masked: bool, *, skip_decode: bool = False, console: Console | None = None) -> dict[str, Any]:
    """Every stage of the pair, with probes of the machine's peak before and after; the better one counts."""
    machine, before = describe_machine(), measure_peak()
    stages = [stage for stage in pair.stages(masked) if not (skip_decode and stage.name == "decode")]
    made = {}
    for stage in stages:
        if console is not None:
            console.print(f"timing: {stage.name}", highlight=False)
        made[stage.name] = {subject: Milliseconds.of(seconds).to_json() for subject, seconds in in_turn(stage.subjects, runs).items()}
    after = measure_peak()
    peak = Peak(max(before.flops, after.flops), max(before.read_bytes, after.read_bytes))
    manifest = pair.bundle.manifest
    model, codec = manifest.model, manifest.codec
    return {
        "what": "latency of one instrument by stage, milliseconds; subjects ran in turn",
        "machine": machine | {"load_average_after": [round(x, 2) for x in os.getloadavg()]},
        "instrument": {
            "name": manifest.name,
            "parameters": model.parameters,
            "pattern": model.pattern,
            "layout": f"{model.context}/{model.block}",
            "network_batch": model.batch,
            "solver": manifest.sampling.solver,
            "steps": len(manifest.sampling.schedule) - 1,
            "weights": manifest.checkpoint["name"],
            "block_ms": 1e3 * model.block * codec.frame_size / codec.sample_rate,
        },
        "threads": pair.threads,
        "runs": runs,
        "peak": {"gflops_float32": peak.flops / 1e9, "read_gb_s": peak.read_bytes / 1e9},
        "floor_ms": _floors(stages, pair, peak, masked),
        "stages": made,
        "runtime_stages": _runtime_stages(pair, runs),
        "speedup_of_onnxruntime": _speedups(made),
    }


def _floors(stages: list[Stage], pair: Pair, peak: Peak, masked: bool) -> dict[str, Any]:
    floors = {stage.name: stage.work.floor_ms(peak) for stage in stages if stage.work is not None}
    return floors | ({"masked step": pair.masked_work().floor_ms(peak)} if masked else {})


def _speedups(made: dict[str, dict[str, dict[str, float]]]) -> dict[str, dict[str, float]]:
    """Median of every other subject over that of ONNX Runtime."""
    return {
        stage: {name: round(figures["median"] / subjects[RUNTIME]["median"], 3) for name, figures in subjects.items() if name != RUNTIME}
        for stage, subjects in made.items()
    }


def _runtime_stages(pair: Pair, runs: int) -> dict[str, float]:
    """Median milliseconds of each stage of whole blocks with audio, as a session reports them."""
    blocks = []
    for _ in range(runs):
        pair.session.next_block()
        blocks.append(dict(pair.session.timings))
    return {name: round(float(np.median([block[name] for block in blocks])), 4) for name in blocks[-1]}


def _pair(
    checkpoint: Path | None,
    bundle: Path | None,
    preset: str | None,
    layout: str | None,
    small_codec: bool,
    work: Path,
    threads: int,
    console: Console,
) -> Pair:
    if preset is not None and checkpoint is None and bundle is None:
        from benchmarks.random_instrument import random_bundle, random_config, random_instrument

        config = random_config(preset, layout, small_codec)
        folder = random_bundle(config, work, lambda stage: console.print(f"exporting {config.name}: {stage}", highlight=False))
        return Pair.load(folder, random_instrument(config), threads)
    if preset is not None or checkpoint is None or bundle is None:
        raise click.UsageError("give --checkpoint with --bundle, or --preset alone")
    from lmdm_export.validate.truth_checkpoint import CheckpointTruth, load_checkpoint
    from lmdm_runtime.bundle import load_bundle

    loaded = load_bundle(bundle)
    return Pair(CheckpointTruth(loaded, load_checkpoint(loaded, checkpoint)).instrument, loaded, threads)


def block_ms(name: str, layout: str | None) -> float:
    """Duration of a block of the preset with its own codec."""
    from lmdm_train.presets import preset

    config = preset(name, layout)
    return 1e3 * config.layout.block * config.codec.frame_size / config.codec.sample_rate


def _threads(result: dict[str, Any]) -> str:
    return f"{result['threads']} thread{'s' * (result['threads'] > 1)}"


def _ms(value: float) -> str:
    """Three digits or all before the point."""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def _print(result: dict[str, Any], path: Path) -> None:
    instrument, machine = result["instrument"], result["machine"]
    title = (
        f"{instrument['name']} {instrument['layout']} ({instrument['parameters'] / 1e6:.1f}M parameters, {instrument['steps']} steps, "
        f"network batch {instrument['network_batch']}), {_threads(result)}, ms"
    )
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for column in ("stage", "subject"):
        table.add_column(column, no_wrap=True)
    for column in ("median", "spread", "p95", "p99", "cpu", "×", "floor"):
        table.add_column(column, justify="right", no_wrap=True)
    for stage, subjects in result["stages"].items():
        for name, ms in subjects.items():
            floor = result["floor_ms"].get("masked step" if (stage, name) == ("step", MASKED) else stage)
            table.add_row(
                stage,
                name,
                *(_ms(ms[key]) for key in ("median", "spread", "p95", "p99", "cpu")),
                "1" if name == RUNTIME else f"{result['speedup_of_onnxruntime'][stage][name]:.2f}",
                "" if floor is None or (name == MASKED and stage != "step") else _ms(floor["floor"]),
            )
    console = Console()
    console.print(table)
    peak, load = result["peak"], (machine["load_average"][0], machine["load_average_after"][0])
    console.print(
        f"× is of ONNX Runtime's median, cpu the processor's time; a block lasts {instrument['block_ms']:.0f} ms\n"
        f"peak {peak['gflops_float32']:.0f} GFLOP/s and {peak['read_gb_s']:.1f} GB/s; load {load[0]} to {load[1]} on "
        f"{machine['usable_cores']} cores of {machine['cpu']}\n{path}",
        highlight=False,
    )


if __name__ == "__main__":
    latency()

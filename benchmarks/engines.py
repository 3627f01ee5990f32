"""`python -m benchmarks.engines`: torch and TensorRT engines on a GPU, parity first, with the share of the floor."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from benchmarks.command import Command
from benchmarks.report import RESULTS, file_name, write_result
from benchmarks.source import WORK, Source
from lmdm_runtime.cli.documents import json_text
from lmdm_runtime.doctor.gpu import driver

if TYPE_CHECKING:
    import torch

    from benchmarks.floor import Peak
    from benchmarks.timing import Subject
    from lmdm_runtime.bundle import Bundle
    from lmdm_train.model.instrument import Instrument

STEPS = (1, 2, 4, 8)
STAGES = ("context", "step", "decode")


@click.command(cls=Command)
@click.option("--checkpoint", type=click.Path(path_type=Path), help="NAME.safetensors; with --bundle.")
@click.option("--bundle", type=click.Path(path_type=Path), help="The bundle that was exported from it, with its engines.")
@click.option("--preset", help="A preset with random weights instead, exported into --work.")
@click.option("--layout", metavar="CONTEXT/BLOCK", help="Layout of the preset: 192/48 or 230/10, for two.")
@click.option("--work", type=click.Path(path_type=Path), default=WORK, show_default=True, help="Where bundles of presets are kept.")
@click.option("--runs", type=click.IntRange(3), default=50, show_default=True, help="Rounds in which every subject runs once.")
@click.option("--compiled/--no-compiled", default=True, show_default=True, help="Also torch.compile, which takes minutes to begin.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def engines(
    checkpoint: Path | None,
    bundle: Path | None,
    preset: str | None,
    layout: str | None,
    work: Path,
    runs: int,
    compiled: bool,
    as_json: bool,
) -> None:
    """Time one instrument on an NVIDIA GPU: torch eager and compiled in float32 and bfloat16, and the engines that its bundle has.

    Every subject is held against ONNX Runtime on the CPU first; what leaves its bound is reported and not timed. Build engines before
    (lmdm build). Exit status 1 without a GPU, or when a subject leaves its bound.

    \b
      python -m benchmarks.engines --checkpoint runs/default.safetensors --bundle out/default
      python -m benchmarks.engines --preset lmdm-arc-ed --layout 230/10
      python -m benchmarks.engines --preset lmdm-arc-ed --layout 192/48
    """
    if (preset is None) == (checkpoint is None or bundle is None) or (preset is not None and (checkpoint or bundle)):
        raise click.UsageError("give --checkpoint with --bundle, or --preset alone")
    found = driver()
    if found.reason is not None or not found.devices:
        why = found.reason or "the driver has no device"
        raise click.ClickException(f"benchmarks.engines needs an NVIDIA GPU and there is none here ({why}); run it on a machine with one")
    import torch

    from lmdm_runtime.bundle import load_bundle

    if not torch.cuda.is_available():
        raise click.ClickException(f"torch {torch.__version__} cannot use the GPU; install torch with CUDA on this machine")
    source = Source(bundle, checkpoint, preset, layout, work=work)
    exported = source.exported(lambda stage: click.echo(f"exporting: {stage}", err=True))
    result = measure(source.truth(exported).instrument, load_bundle(exported), "cuda", runs, compiled=compiled)
    label = file_name(f"engines {result['instrument']['name']} {result['instrument']['layout']} {result['device']}")
    path = RESULTS / f"{label}.json"
    write_result(path, result)
    click.echo(json_text(result) if as_json else "\n".join(table(result)) + f"\n{path}")
    if not all(entry["kept"] for entries in result["parity"].values() for entry in entries.values()):
        raise SystemExit(1)


@dataclass
class Candidate:
    """A subject's calls by stage, what it computes in, and its outputs by graph."""

    name: str
    dtype: torch.dtype
    calls: Callable[[], dict[str, Subject]]
    outputs: Callable[[str], dict[str, Any]]


def measure(instrument: Instrument, bundle: Bundle, device: str, runs: int, *, compiled: bool = True, probe: int = 8192) -> dict[str, Any]:
    """Parity, then time of every candidate; `probe` is the size of the matrices that the peak is measured with."""
    import torch

    from benchmarks.engine_floor import BlockWork, measure_device_peak
    from benchmarks.engine_subjects import GRAPH_OF, engine_outputs, parity
    from benchmarks.machine import describe_machine
    from benchmarks.timing import Milliseconds, in_turn
    from lmdm_runtime.backends.onnxruntime import OrtBackend

    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    config, manifest = instrument.config, bundle.manifest
    cpu, not_run = OrtBackend(bundle), dict[str, str]()
    references = {stage: engine_outputs(bundle, cpu, GRAPH_OF[stage]) for stage in STAGES}
    peaks = {dtype: measure_device_peak(device, dtype, probe, probe // 8) for dtype in (torch.float32, torch.bfloat16)}
    held: dict[str, dict[str, Any]] = {}
    times: dict[str, dict[str, Any]] = {}
    work = BlockWork.of(config, manifest.model.batch)
    for candidate in candidates(instrument, bundle, device, compiled, not_run):
        try:
            held[candidate.name] = {
                stage: parity(references[stage], candidate.outputs(GRAPH_OF[stage]), _type_of(stage, candidate)) for stage in STAGES
            }
            if not all(entry["kept"] for entry in held[candidate.name].values()):
                continue
            samples = in_turn(candidate.calls(), runs, warm_up=3)
        except Exception as error:  # one subject that the device or a library refuses must not cost the others
            not_run[candidate.name] = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
            continue
        for stage, measured in samples.items():
            peak = peaks[_type_of(stage, candidate)]
            times.setdefault(stage, {})[candidate.name] = timed(
                Milliseconds.of(measured).to_json(), work.floor_ms(stage, peak, candidate.dtype.itemsize)
            )
    return {
        "what": "latency of one instrument on a GPU by stage, milliseconds; parity is of the range of an output, against ONNX Runtime",
        "machine": describe_machine(),
        "device": _device(device),
        "instrument": {
            "name": manifest.name,
            "parameters": manifest.model.parameters,
            "pattern": manifest.model.pattern,
            "layout": f"{manifest.model.context}/{manifest.model.block}",
            "network_batch": manifest.model.batch,
            "block_ms": 1e3 * manifest.model.block * manifest.codec.frame_size / manifest.codec.sample_rate,
        },
        "peak": {str(dtype).removeprefix("torch."): _peak(peak) for dtype, peak in peaks.items()},
        "runs": runs,
        "parity": held,
        "stages": times,
        "not_run": not_run,
    }


def candidates(instrument: Instrument, bundle: Bundle, device: str, compiled: bool, not_run: dict[str, str]) -> Iterable[Candidate]:
    """Every form of torch, then every package whose engines the bundle has; why there are none goes into `not_run`."""
    import torch

    from benchmarks.engine_floor import waiting
    from benchmarks.engine_subjects import FORMS, GRAPH_OF, TorchGraphs, engine_call, engine_outputs
    from lmdm_runtime.backends import make_backend
    from lmdm_runtime.engines.packages import PACKAGES
    from lmdm_runtime.errors import LmdmError

    for form in FORMS:
        if form.compiled and not compiled:
            continue
        graphs = TorchGraphs(instrument, bundle, form, device)

        def torch_calls(graphs: TorchGraphs = graphs) -> dict[str, Subject]:
            calls: dict[str, Subject] = {stage: waiting(graphs.call(GRAPH_OF[stage]), device) for stage in STAGES}
            return calls | {f"block of {steps} steps": waiting(graphs.block(steps), device) for steps in STEPS}

        yield Candidate(form.name, form.dtype, torch_calls, graphs.outputs)
    for name in PACKAGES:
        try:
            backend = make_backend(name, bundle)
        except LmdmError as reason:
            not_run[name] = str(reason)
            continue

        def engine_calls(backend: Any = backend) -> dict[str, Subject]:
            calls = {stage: engine_call(bundle, backend, GRAPH_OF[stage]) for stage in STAGES}
            return calls | whole_blocks(bundle, backend)

        dtype = torch.float32 if bundle.manifest.precision is None else torch.bfloat16
        yield Candidate(
            name,
            dtype,
            engine_calls,
            lambda graph, backend=backend: engine_outputs(bundle, backend, graph),  # type: ignore[misc]
        )


def whole_blocks(bundle: Bundle, backend: Any) -> dict[str, Subject]:
    """Blocks as a session plays them: latents, and with audio, for every number of steps."""
    import numpy as np

    from lmdm_runtime.session import Session

    calls: dict[str, Subject] = {}
    for steps in STEPS:
        session = Session(bundle, steps=steps, backend=backend)
        model = bundle.manifest.model
        if bundle.manifest.text is None:
            session.set_embedding("x", np.random.default_rng(0).standard_normal((model.text_tokens, model.text_width)))
        session.set_prompt("x")
        calls[f"block of {steps} steps"] = session.next_latents
        calls[f"audio of {steps} steps"] = session.next_block
    return calls


def timed(ms: dict[str, float], floor: float | None) -> dict[str, float | None]:
    """Figures with the floor and its share of the median: 1 is as fast as the device can be."""
    return {**ms, "floor": floor, "share": None if floor is None else round(floor / ms["median"], 4)}


def table(result: dict[str, Any]) -> list[str]:
    """Lines of text: a stage and a subject, median, 95th percentile, and the share of the floor."""
    lines = [f"{result['instrument']['name']} {result['instrument']['layout']} on {result['device']}, ms"]
    for stage, subjects in result["stages"].items():
        for name, ms in subjects.items():
            share = "" if ms["share"] is None else f"{ms['share']:7.1%} of the floor {ms['floor']:.3f}"
            lines.append(f"  {stage:20} {name:24} {ms['median']:9.3f}  p95 {ms['p95']:9.3f}  {share}")
    for name, stages in result["parity"].items():
        for stage, entry in stages.items():
            if not entry["kept"]:
                lines.append(
                    f"  {stage:20} {name:24} leaves its bound: {entry['error_of_range']:.1e} of the range, {entry['bound']:.1e} allowed"
                )
    return [*lines, *(f"  not run: {name}: {why}" for name, why in result["not_run"].items())]


def _type_of(stage: str, candidate: Candidate) -> torch.dtype:
    """Codecs stay in float32."""
    import torch

    return torch.float32 if stage == "decode" else candidate.dtype


def _peak(peak: Peak) -> dict[str, float]:
    return {"tflops": peak.flops / 1e12, "read_gb_s": peak.read_bytes / 1e9}


def _device(device: str) -> str:
    import torch

    return torch.cuda.get_device_name() if device.startswith("cuda") else device


if __name__ == "__main__":
    engines()

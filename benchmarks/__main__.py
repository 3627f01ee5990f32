"""`python -m benchmarks`: one command that holds all peers to parity, times them beside the floor, and draws one page."""

from __future__ import annotations

import importlib.util
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from benchmarks.command import Command
from benchmarks.compare import compare_peers
from benchmarks.floor import Peak
from benchmarks.job import Job
from benchmarks.machine import describe_machine
from benchmarks.page import draw_page
from benchmarks.peers import COMPILED, RUNTIME, peer_table
from benchmarks.peers.runtime import has_fused
from benchmarks.report import RESULTS, file_name, with_load, write_result
from benchmarks.round_trip import measure_round_trip
from benchmarks.scaling import measure_scaling
from benchmarks.source import WORK, Source
from benchmarks.streams import TOOL
from benchmarks.summary import print_summary
from benchmarks.variants import Variant, named_variants
from lmdm_export.precision.names import DEFAULT_BUDGET
from lmdm_runtime.backends.onnxruntime import physical_cores
from lmdm_runtime.bundle import load_bundle
from lmdm_runtime.cli.documents import json_text

BUNDLE = Path("out/demo/bundle")
CHECKPOINT = Path("lmdm_train/default/default.safetensors")
SEED = 7
SHORT_PRESETS = ("tiny", "tiny-bc")
SHORT_RUNS, SHORT_BLOCKS = 3, 3


@click.command(cls=Command)
@click.option("--bundle", type=click.Path(path_type=Path), help=f"[default: {BUNDLE}, unless a preset is given]")
@click.option("--checkpoint", type=click.Path(path_type=Path), default=CHECKPOINT, show_default=True, help="That the bundle was made from.")
@click.option("--preset", "presets", multiple=True, help="A preset with random weights, exported and kept in --work; may be repeated.")
@click.option("--layout", "layouts", metavar="CONTEXT/BLOCK", multiple=True, help="Layouts of the presets; may be repeated.")
@click.option("--small-codec", is_flag=True, help="Put a tiny codec in place of the presets'; codec and round trip are left out then.")
@click.option(
    "--variant",
    "variants",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    multiple=True,
    help="The bundle in another precision, by lmdm precision --write.",
)
@click.option(
    "--engine", "engines", multiple=True, help="Backends of the runtime beside ONNX Runtime; by default openvino where it is installed."
)
@click.option(
    "--stable-audio-tools", type=click.Path(path_type=Path), help="Folder of pip install --no-deps --target PATH stable-audio-tools einops."
)
@click.option(
    "--compile/--no-compile", "compiled", default=True, show_default=True, help="torch.compile is a peer; it compiles for about a minute."
)
@click.option("--threads", type=click.IntRange(1), default=None, help="Of every peer alike; physical cores by default.")
@click.option(
    "--runs",
    type=click.IntRange(2),
    default=20,
    show_default=True,
    help="Rounds in which every peer runs once; fewer where they take long.",
)
@click.option("--blocks", type=click.IntRange(2), default=60, show_default=True, help="Of each round trip.")
@click.option(
    "--scaling/--no-scaling", default=True, show_default=True, help="Also over context, block, steps and size: about ten minutes."
)
@click.option("--short", is_flag=True, help="Tiny instruments and few rounds, for CI: parity is real, times mean little.")
@click.option(
    "--tool",
    type=click.Path(dir_okay=False, path_type=Path),
    default=TOOL,
    show_default=True,
    help="lmdm-bench, for the round trip in C++.",
)
@click.option("--work", type=click.Path(path_type=Path), default=WORK, show_default=True, help="Where bundles of presets are kept.")
@click.option("--name", help="Of the result, results/NAME.json and its page NAME.png.  [default: default, or short]")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def main(
    bundle: Path | None,
    checkpoint: Path,
    presets: tuple[str, ...],
    layouts: tuple[str, ...],
    small_codec: bool,
    variants: tuple[Path, ...],
    engines: tuple[str, ...],
    stable_audio_tools: Path | None,
    compiled: bool,
    threads: int | None,
    runs: int,
    blocks: int,
    scaling: bool,
    short: bool,
    tool: Path,
    work: Path,
    name: str | None,
    as_json: bool,
) -> None:
    """Time an instrument in every program that can run it, on the same weights and in turn.

    First each peer's answers are held against torch in float64; one that is wrong is not timed, and the exit status is 1. It never depends
    on a time.

    \b
      python -m benchmarks                                                              # the default instrument
      python -m benchmarks --preset lmdm-arc-ed --layout 230/10 --layout 192/48 --small-codec --runs 5 --no-scaling
      python -m benchmarks --short                                                      # for CI
    """
    console = Console(stderr=True)
    if short:
        presets, scaling, compiled, runs, blocks = presets or SHORT_PRESETS, False, False, SHORT_RUNS, SHORT_BLOCKS
    sources = [] if presets and bundle is None else [Source(bundle or BUNDLE, checkpoint)]
    for preset in presets:
        sources += [Source(preset=preset, layout=layout, small_codec=small_codec, work=work) for layout in layouts or (None,)]
    run = Run(
        engines=engines or default_engines(),
        variants=named_variants(variants),
        stable_audio_tools=stable_audio_tools,
        compiled=compiled,
        threads=threads or physical_cores(),
        runs=runs,
        blocks=blocks,
        tool=tool,
        console=console,
    )
    machine = describe_machine()
    with tempfile.TemporaryDirectory() as folder:
        made = [run.measured(source, Path(folder) / str(number)) for number, source in enumerate(sources)]
    result: dict[str, Any] = {
        "what": "peers on the same weights in turn and in a row, the round trip by stage, and the floor; milliseconds",
        "threads": run.threads,
        "runs": runs,
        "instruments": made,
        "failures": [failure for of in made for failure in of["failures"]],
    }
    if scaling:
        peak = made[0]["peak"]
        result["scaling"] = measure_scaling(work, run.threads, runs, Peak(1e9 * peak["gflops_float32"], 1e9 * peak["read_gb_s"]), run.say)
    result["machine"] = with_load(machine)
    path = RESULTS / f"{file_name(name or ('short' if short else 'default'))}.json"
    write_result(path, result)
    draw_page(path.with_suffix(".png"), result)
    click.echo(json_text(result)) if as_json else print_summary(result, path)
    if result["failures"]:
        click.get_current_context().exit(1)


def default_engines() -> tuple[str, ...]:
    """OpenVINO, where its package is there."""
    return ("openvino",) if importlib.util.find_spec("openvino") is not None else ()


@dataclass(frozen=True)
class Run:
    """Everything that the instruments of one call have in common."""

    engines: tuple[str, ...]
    variants: dict[str, Variant]
    stable_audio_tools: Path | None
    compiled: bool
    threads: int
    runs: int
    blocks: int
    tool: Path
    console: Console

    def say(self, what: str) -> None:
        """Progress, on standard error."""
        self.console.print(what, highlight=False)

    def measured(self, source: Source, folder: Path) -> dict[str, Any]:
        """Peers and round trip of one instrument."""
        job = Job(folder, source.bundle or Path(), source, self.threads, SEED, blocks=1).prepare(self.say)
        bundle = load_bundle(job.bundle)
        for variant in self.variants.values() if source.preset is None else ():
            variant.require_of(bundle)
        variants = {name: variant for name, variant in self.variants.items() if variant.made_from(bundle)}
        for variant in self.variants.values():
            if variant not in variants.values():
                self.say(f"left out: {variant.folder} was not made from {bundle.folder}")
        tools = None if self.stable_audio_tools is None else str(self.stable_audio_tools.resolve())
        folders = {name: str(variant.folder.resolve()) for name, variant in variants.items()}
        table = peer_table(self.engines, folders, has_fused(bundle), tools)
        budgets = {f"{RUNTIME} {name}": variant.budget for name, variant in variants.items()}
        budgets |= {engine: DEFAULT_BUDGET for engine in self.engines if not table[engine].exact}
        if not self.compiled:
            del table[COMPILED]
        skip = ("decode",) if source.small_codec else ()
        made = compare_peers(job, table, budgets, self.runs, skip, self.say)
        if source.small_codec:
            return made | {"round_trip": {"reason": "the codec is a small one in place of the instrument's own"}}
        # The C++ program cannot be given embeddings.
        tool = self.tool if self.tool.is_file() and bundle.manifest.text is not None else None
        period = made["instrument"]["block_ms"] / 1e3
        return made | {"round_trip": measure_round_trip(job.bundle, self.blocks, period, self.threads, tool, self.console)}


if __name__ == "__main__":
    main()

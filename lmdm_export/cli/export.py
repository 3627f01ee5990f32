"""`lmdm export`: a checkpoint as a bundle."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click

from lmdm_export.precision.names import AUTO, DEFAULT_BUDGET, FLOAT32, NAMES
from lmdm_export.precision.options import NameList, command_line, export_in
from lmdm_train.config import GuidanceKind, SolverName

if TYPE_CHECKING:
    from lmdm_export.bundle import ExportResult
    from lmdm_export.settings import ExportSettings


@click.command()
@click.argument("checkpoint", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="Folder to write.")
@click.option("--steps", type=click.IntRange(1), default=None, help="Solver steps a block.")
@click.option("--solver", type=click.Choice(get_args(SolverName)), default=None)
@click.option("--guidance", type=click.Choice(get_args(GuidanceKind)), default=None, help="`none` halves the network's batch.")
@click.option("--guidance-scale", type=float, default=None)
@click.option("--context-drop", type=click.IntRange(0), default=None, help="Oldest context frames made null when the prompt changes.")
@click.option(
    "--layout", default=None, metavar="CONTEXT/BLOCK", help="Block and context in frames, such as 192/48, if not the checkpoint's."
)
@click.option(
    "--lookahead",
    default="pay",
    show_default=True,
    metavar="pay|crossfade[:FRAMES]",
    help="For a codec that looks ahead: wait for every frame it needs (exact), or wait for a few and crossfade.",
)
@click.option("--t5", type=click.Path(path_type=Path, exists=True, file_okay=False), default=None, help="Folder of the T5 text encoder.")
@click.option(
    "--rollout-blocks", type=click.IntRange(8), default=None, help="Length of the closed-loop fixture: 64, or 16 for a large network."
)
@click.option(
    "--precision",
    type=click.Choice([FLOAT32, AUTO, *NAMES]),
    default=FLOAT32,
    show_default=True,
    help="Of the network. auto: the fastest here that keeps the budget.",
)
@click.option("--budget", type=click.FloatRange(0, min_open=True), default=None, help=f"With --precision; {DEFAULT_BUDGET:g} unless given.")
@click.option("--keep", type=NameList(), default="", help="With --precision: matrices that stay float32, as lmdm bisect names them.")
@click.option("--threads", type=click.IntRange(1), default=None, help="With --precision: of ONNX Runtime while it measures.")
@click.option("--no-simplify", is_flag=True, help="Leave the graphs as the exporter writes them.")
@click.option("--no-fused", is_flag=True, help="Leave out the copies of the network's graphs with ONNX Runtime's own operators.")
@click.option("--force", is_flag=True, help="Replace a bundle that is there already.")
@click.option("--dry-run", is_flag=True, help="Check everything and say what would be written.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def export(
    checkpoint: Path,
    output: Path,
    layout: str | None,
    lookahead: str,
    t5: Path | None,
    precision: str,
    budget: float | None,
    keep: tuple[str, ...],
    threads: int | None,
    no_simplify: bool,
    no_fused: bool,
    force: bool,
    dry_run: bool,
    as_json: bool,
    **choices: Any,
) -> int:
    """Write CHECKPOINT (NAME.safetensors beside NAME.json) as a bundle that runs without torch.

    \b
      lmdm export runs/default.safetensors -o out/default
      lmdm export runs/lmdm-arc-ed.safetensors -o out/live --layout 230/10 --lookahead crossfade
      lmdm export runs/default.safetensors -o out/fast --precision auto --budget 0.05
    """
    from lmdm_export.settings import ExportSettings, parse_layout, parse_lookahead

    settings = ExportSettings(
        layout=None if layout is None else parse_layout(layout),
        fade=parse_lookahead(lookahead),
        simplify=not no_simplify,
        fused=not no_fused,
        **choices,
    )
    if precision == FLOAT32 and (budget is not None or keep or threads is not None):
        raise click.UsageError("--budget, --keep and --threads go with a --precision other than float32")
    if precision != FLOAT32 and not dry_run:
        return export_in(precision, checkpoint, output, settings, t5, budget or DEFAULT_BUDGET, keep, threads, force=force, as_json=as_json)
    made = _plan(checkpoint, output, settings, t5, force) if dry_run else _run(checkpoint, output, settings, t5, force)
    if isinstance(made, dict) and precision != FLOAT32:
        made["precision"] = {"kind": precision, "budget": budget or DEFAULT_BUDGET, "keep": list(keep)}
    if as_json:
        click.echo(json.dumps(made if isinstance(made, dict) else made.to_json(), indent=1))
    elif isinstance(made, dict):
        _print_rows("Would write", made)
    else:
        print_result(made)
    return 0


def _run(checkpoint: Path, output: Path, settings: ExportSettings, t5: Path | None, force: bool) -> ExportResult:
    from rich.console import Console

    from lmdm_export.staging import require_writable

    require_writable(output, force=force)
    # Progress goes to stderr, so that --json leaves stdout to the result.
    console = Console(stderr=True)
    with console.status("reading the checkpoint") as status:
        from lmdm_export.bundle import export_bundle

        instrument, source = load_source(checkpoint, t5)

        def on_stage(stage: str) -> None:
            status.update(f"exporting {instrument.config.name}: {stage}")
            if not console.is_terminal:
                console.print(f"{instrument.config.name}: {stage}", highlight=False)

        return export_bundle(instrument, output, source, settings, force=force, on_stage=on_stage)


def load_source(checkpoint: Path, t5: Path | None = None) -> tuple[Any, Any]:
    """The instrument of a checkpoint and what the bundle says of where it comes from."""
    from lmdm_export.bundle import Source
    from lmdm_export.manifest_document import file_sha256
    from lmdm_train.checkpoint import load_instrument
    from lmdm_train.checkpoint.own import checkpoint_files

    instrument = load_instrument(checkpoint, t5=t5)
    weights = checkpoint_files(checkpoint)[0]
    return instrument, Source(weights.name, file_sha256(weights), command_line())


def _plan(checkpoint: Path, output: Path, settings: ExportSettings, t5: Path | None, force: bool) -> dict[str, Any]:
    """Everything short of tracing: the checkpoint loads, the settings suit it, the target may be written, the graphs can be built."""
    from lmdm_export.bundle import configured, layout_notes
    from lmdm_export.graphs import build_graphs
    from lmdm_export.manifest_document import control_entries
    from lmdm_export.staging import require_writable

    require_writable(output, force=force)
    trained = load_source(checkpoint, t5)[0]
    instrument = configured(trained, settings)
    graphs = build_graphs(instrument, settings.fade)
    return {
        "path": str(output),
        "name": instrument.config.name,
        "pattern": instrument.config.pattern.kind,
        "layout": str(instrument.config.layout),
        "sampling": instrument.config.sampling.model_dump(),
        "controls": {entry["kind"]: entry for entry in control_entries(instrument.config)},
        "graphs": {graph.name: {name: list(tensor.shape) for name, tensor in graph.inputs.items()} for graph in graphs.graphs},
        "codec": {"encoder": graphs.codec.encoder_streaming.to_json(), "decoder": graphs.codec.decoder_streaming.to_json()},
        "weights_bytes": sum(value.numel() * value.element_size() for value in instrument.state_dict().values()),
        **{f"note {number}": note for number, note in enumerate(layout_notes(trained.config, settings), start=1)},
    }


def print_result(made: ExportResult) -> None:
    rows = {
        "bundle": str(made.path),
        "size": f"{made.bytes / 1e6:.1f} MB, of which weights {made.weights_bytes / 1e6:.1f} MB",
        "sharing": f"{made.sharing:.2f} × (graphs apart would hold {made.weights_used_bytes / 1e6:.1f} MB)",
        "nodes": ", ".join(f"{name} {count}" for name, count in made.nodes.items()),
        "seconds": f"{sum(made.seconds.values()):.0f} ({', '.join(f'{name} {value:.1f}' for name, value in made.seconds.items())})",
        **{f"note {number}": note for number, note in enumerate(made.notes, start=1)},
        "next": f"lmdm validate {made.path}, lmdm generate {made.path}",
    }
    _print_rows(f"Exported {made.name}", rows)


def _print_rows(title: str, rows: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(title=title, title_justify="left", box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in rows.items():
        if isinstance(value, dict):
            value = "\n".join(f"{key}: {inner}" for key, inner in value.items())
        table.add_row(name, escape(str(value)))
    Console().print(table, highlight=False)

"""`lmdm inspect`: what a bundle holds."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from lmdm_runtime.manifest import Manifest


@click.command()
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the manifest, with measured sizes, as JSON.")
def inspect(bundle: Path, as_json: bool) -> None:
    """Show model, codec, graphs, sizes and origin of BUNDLE, after checking it as a runtime would.

    \b
    Example:  lmdm inspect out/default
    """
    from lmdm_runtime.bundle import load_bundle
    from lmdm_runtime.thread_choice import ThreadChoice, look_up

    loaded = load_bundle(bundle)
    raw = json.loads((Path(bundle) / "manifest.json").read_text())
    total = sum(entry["bytes"] for entry in raw["files"])
    chosen = look_up(bundle)
    if as_json:
        threads = asdict(chosen) if isinstance(chosen, ThreadChoice) else {"ignored": chosen} if chosen else None
        click.echo(json.dumps({**raw, "total_bytes": total, "threads": threads}, indent=1))
        return
    model, codec = loaded.manifest.model, loaded.manifest.codec
    period = model.block * codec.frame_size / codec.sample_rate
    console = Console()
    facts = Table("", "", show_header=False, title=f"{raw['name']} (bundle format {raw['format_version']})")
    facts.add_row("pattern and layout", f"{model.pattern} {model.context}/{model.block}, a block lasts {1000 * period:.0f} ms")
    facts.add_row(
        "network", f"width {model.width}, depth {model.depth}, {model.heads} heads of {model.head_width}, {model.parameters:,} parameters"
    )
    facts.add_row("precision", _precision(loaded.manifest))
    facts.add_row("codec", f"{codec.kind}, {codec.sample_rate} Hz, {codec.audio_channels} channels, {codec.frame_size} samples a frame")
    sampling = raw["sampling"]
    facts.add_row(
        "sampling",
        f"{sampling['solver']}, {len(sampling['schedule']) - 1} steps, guidance {sampling['guidance']} {sampling['guidance_scale']:g}",
    )
    facts.add_row(
        "text", "none: prompts are given as embeddings" if raw["text"] is None else f"{raw['text']['kind']}, {raw['text']['tokens']} tokens"
    )
    facts.add_row("controls", _controls(loaded.manifest))
    facts.add_row("checkpoint", f"{raw['checkpoint']['name']}, SHA-256 {raw['checkpoint']['sha256'][:16]}…")
    facts.add_row("size", f"{total / 1e6:.1f} MB in {len(raw['files'])} files")
    if isinstance(chosen, ThreadChoice):
        facts.add_row("threads", f"{chosen.threads}, {'spinning' if chosen.spinning else 'asleep'} while they wait, as measured here")
    elif chosen is not None:
        facts.add_row("threads", escape(chosen))
    console.print(facts)
    graphs = Table("graph", "inputs", "outputs", title="graphs")
    for name, graph in raw["graphs"].items():
        files = name if "fused" not in graph else f"{name}\n{graph['fused']['file']}"
        graphs.add_row(files, _ports(graph["inputs"]), _ports(graph["outputs"]))
    console.print(graphs)


def _precision(manifest: Manifest) -> str:
    """The network's precision, and how far that is from float32."""
    found = manifest.precision
    if found is None:
        return "float32"
    kept = f", {len(found.kept)} matrices" if found.kept else ""
    return (
        f"{found.kind}; float32: {', '.join(found.islands)}{kept}, and every graph but {', '.join(found.graphs)}\n"
        f"parity {found.parity:.3g} of another seed's distance, budget {found.budget:g}"
    )


def _controls(manifest: Manifest) -> str:
    """One line a control: its kind, what feeds it and what a player may choose."""
    frame = manifest.codec.frame_size / manifest.codec.sample_rate
    lines = []
    for control in manifest.controls:
        groups = ", ".join(f"{group.name} [{group.channels}]" for group in control.groups)
        if control.source == "accompaniment" and control.t_f is not None:
            seen = f"seen until {abs(control.t_f * frame):.2f} s {'into' if control.t_f > 0 else 'before'} the block"
            lines.append(f"{control.kind}, from other audio: {groups}, cutoff {control.cutoff}, {seen}")
        else:
            lines.append(f"{control.kind}, {'from a sketch' if control.source == 'sketch' else 'set by the caller'}: {groups}")
    if manifest.sketch is not None:
        medians = ", ".join(map(str, manifest.sketch.medians))
        lines.append(f"smoothing of the sketch: median of {medians} frames of {frame * 1000:.0f} ms, {manifest.sketch.median} by default")
    return "\n".join(lines) or "none"


def _ports(ports: list[dict[str, object]]) -> str:
    """Names and shapes; the many keys and values of the layers in one line each."""
    shown: dict[str, tuple[int, object]] = {}
    for port in ports:
        name = str(port["name"])
        stem = name.rstrip("0123456789") if name.rstrip("0123456789").endswith("_") else name
        count, _ = shown.get(stem, (0, None))
        shown[stem] = (count + 1, port["shape"])
    return "\n".join(f"{stem}NN {shape} ×{count}" if count > 1 else f"{stem} {shape}" for stem, (count, shape) in shown.items())

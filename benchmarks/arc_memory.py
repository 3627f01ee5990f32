"""`python -m benchmarks.arc_memory`: memory of one generator step of ARC-Forcing as a function of the rollout's length."""

from __future__ import annotations

import contextlib
import gc
import json
import os
import re
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from benchmarks.machine import describe_machine
from benchmarks.report import RESULTS, with_load, write_result
from lmdm_runtime.cli.documents import json_text

LENGTHS = (2, 4, 8, 12, 24)
GRADIENTS = ("kept", "recomputed")
PARTS = ("rollout", "step")
STEPS = 3
MIB = 2**20
# Of the GNU C library: every tensor is a mapping of its own, so that freed memory leaves the resident set at once.
EXACT = {"MALLOC_MMAP_THRESHOLD_": "4096", "MALLOC_MMAP_MAX_": "1000000"}


@click.command()
@click.option("--preset", default="default", show_default=True, help="Network, with random weights.")
@click.option("--batch", type=click.IntRange(1), default=8, show_default=True)
@click.option("--blocks", type=click.IntRange(2), multiple=True, help=f"Lengths of rollouts; by default {', '.join(map(str, LENGTHS))}.")
@click.option("--name", help="Of the result file; by default the preset's and the batch.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.option("--child", type=(click.Choice(PARTS), click.Choice(GRADIENTS), int), default=None, hidden=True)
def arc_memory(
    preset: str, batch: int, blocks: tuple[int, ...], name: str | None, as_json: bool, child: tuple[str, str, int] | None
) -> None:
    """Measure the peak memory of rollout and backward pass, each in a process of its own, with the gradient kept and recomputed.

    \b
      python -m benchmarks.arc_memory
      python -m benchmarks.arc_memory --preset tiny-bc --batch 2 --blocks 2 --blocks 8
    """
    if child is not None:
        part, gradient, length = child
        click.echo(json.dumps(measure(preset, batch, part, gradient, length)))
        return
    result = measure_all(preset, batch, blocks or LENGTHS, Console(stderr=True))
    path = RESULTS / f"arc-memory-{re.sub(r'[^a-z0-9]+', '-', (name or f'{preset}-batch-{batch}').lower())}.json"
    write_result(path, result)
    click.echo(json_text(result)) if as_json else _print(result, path)


def measure_all(preset: str, batch: int, lengths: tuple[int, ...], console: Console) -> dict[str, Any]:
    """All figures, with the machine that they come from."""
    from lmdm_train.presets import preset as named

    machine, config, figures = describe_machine(), named(preset), []
    for length in lengths:
        for part in PARTS:
            for gradient in GRADIENTS:
                console.print(f"measuring: {part} of {length} blocks, gradient {gradient}", highlight=False)
                figures.append(_in_a_process(preset, batch, part, gradient, length))
    return {
        "what": "memory of one generator step of ARC-Forcing, MiB: peak of the resident set above where it began, and what its graph "
        "keeps; a rollout alone, or the whole step with a discriminator on three quarters of the same network",
        "machine": with_load(machine),
        "network": {
            "preset": preset,
            "pattern": config.pattern.kind,
            "layout": str(config.layout),
            "width": config.dit.width,
            "depth": config.dit.depth,
        },
        "batch": batch,
        "steps_a_block": STEPS,
        "figures": figures,
        "growth_mib_a_block": growth(figures),
    }


def _in_a_process(preset: str, batch: int, part: str, gradient: str, length: int) -> dict[str, Any]:
    words = ["--preset", preset, "--batch", str(batch), "--child", part, gradient, str(length)]
    command = [sys.executable, "-m", "benchmarks.arc_memory", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | EXACT)
    if done.returncode:
        raise click.ClickException(f"measuring {part} {gradient} {length} failed: {done.stderr.strip().splitlines()[-1]}")
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return figures


def growth(figures: list[dict[str, Any]]) -> dict[str, dict[str, dict[str, float]]]:
    """Slope of each figure over the number of blocks, from the shortest rollout to the longest."""
    slopes: dict[str, dict[str, dict[str, float]]] = {}
    for part in PARTS:
        for gradient in GRADIENTS:
            chosen = sorted((f for f in figures if (f["part"], f["gradient"]) == (part, gradient)), key=lambda f: f["blocks"])
            if len(chosen) > 1:
                span = chosen[-1]["blocks"] - chosen[0]["blocks"]
                keys = ("peak_mib", "graph_mib")
                slopes.setdefault(part, {})[gradient] = {key: round((chosen[-1][key] - chosen[0][key]) / span, 3) for key in keys}
    return slopes


def measure(preset: str, batch: int, part: str, gradient: str, length: int) -> dict[str, Any]:
    """Memory of one step in this process, which should not have made one before: freed memory is not given back at once."""
    import torch
    import torch._dynamo  # checkpointing imports it, which is no part of the step's memory

    torch.set_num_threads(1)
    torch.manual_seed(0)
    work = prepared(preset, batch, part, gradient, length)
    kept: dict[int, int] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        if not isinstance(tensor, torch.nn.Parameter):
            kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    before = _new_peak()
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        loss = work()
    loss.backward()
    grown = _peak() - before
    return {
        "part": part,
        "gradient": gradient,
        "blocks": length,
        "peak_mib": round(grown / MIB, 2),
        "graph_mib": round(sum(kept.values()) / MIB, 2),
    }


def prepared(preset: str, batch: int, part: str, gradient: str, length: int) -> Callable[[], Any]:
    """The forward pass of a step: called once, it returns the loss."""
    import torch

    from lmdm_train.arc.discriminator import Discriminator, Heard
    from lmdm_train.arc.losses import generator_loss
    from lmdm_train.arc.rollout import evaluated_levels, unroll
    from lmdm_train.arc.settings import DiscriminatorSettings
    from lmdm_train.model.instrument import Instrument
    from lmdm_train.presets import preset as named
    from lmdm_train.rollout.prompts import constant_condition
    from lmdm_train.rollout.setup import Rollout

    config = named(preset)
    layout, channels = config.layout, config.dit.latent_channels
    instrument = Instrument(config)
    instrument.codec.requires_grad_(False)
    for parameter in instrument.dit.parameters():
        parameter.data.add_(0.02 * torch.randn_like(parameter))
    discriminator = Discriminator(Instrument(config), config.dit.controls, DiscriminatorSettings()).requires_grad_(False)
    tokens, cond = torch.randn(batch, config.text.tokens + 1, config.text.width), torch.randn(batch, config.text.width)
    total = layout.context + length * layout.block
    real, noise, t = torch.randn(batch, channels, total), torch.randn(batch, channels, total), torch.rand(batch)
    controls = {group.name: torch.zeros(batch, group.channels, total) for group in config.dit.controls}
    rollout = Rollout(
        instrument.dit,
        layout,
        config.pattern,
        config.sampling.model_copy(update={"guidance": "none"}),
        constant_condition(tokens, cond),
        lambda block, draw: torch.randn(batch, channels, layout.block),
        start=real[..., : layout.context],
        controls=(lambda block: {name: value[..., : layout.window] for name, value in controls.items()}) if controls else None,
    )
    levels = [evaluated_levels(STEPS, None, config.sampling)] * length

    def work() -> torch.Tensor:
        fake = unroll(rollout, levels, recompute=gradient == "recomputed")
        if part == "rollout":
            return fake.square().mean()
        heard, level = Heard(tokens, cond, controls), t[:, None, None]
        with torch.no_grad():
            score = discriminator((1 - level) * real + level * noise, t, heard, layout.context)
        whole = torch.cat((real[..., : layout.context], fake), dim=-1)
        return generator_loss("relativistic", score, discriminator((1 - level) * whole + level * noise, t, heard, layout.context))

    return work


def _new_peak() -> int:
    """Forget the peak so far where the system can, and return the resident set; elsewhere the peak so far. Bytes."""
    gc.collect()
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
    return _peak()


def _peak() -> int:
    status = Path("/proc/self/status")
    if status.exists():
        found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text())
        if found:
            return int(found[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _print(result: dict[str, Any], path: Path) -> None:
    network = result["network"]
    title = f"{network['preset']} {network['layout']} {network['pattern']}, batch {result['batch']}, MiB above the network's own"
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("blocks", justify="right")
    for part in PARTS:
        for gradient in GRADIENTS:
            table.add_column(f"{part}, {gradient}", justify="right")
    by = {(f["part"], f["gradient"], f["blocks"]): f for f in result["figures"]}
    for length in sorted({f["blocks"] for f in result["figures"]}):
        cells = [by[part, gradient, length] for part in PARTS for gradient in GRADIENTS]
        table.add_row(str(length), *(f"{cell['peak_mib']:.0f} ({cell['graph_mib']:.0f})" for cell in cells))
    console = Console()
    console.print(table)
    console.print(f"peak of the process, and in brackets what the graph keeps for the backward pass\n{path}", highlight=False)


if __name__ == "__main__":
    arc_memory()

"""Where results lie, how one is written and printed, and what the tables of several benchmarks have in common."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from lmdm_runtime.cli.documents import json_text
from lmdm_runtime.manifest import Manifest

RESULTS = Path(__file__).parent / "results"


def write_result(path: Path, result: dict[str, Any]) -> None:
    """Write JSON whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}")
    unfinished.write_text(json_text(result) + "\n", encoding="utf-8")
    os.replace(unfinished, path)


def file_name(label: str) -> str:
    """The label in small letters, digits and hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", label.lower()).strip("-")


def with_load(machine: dict[str, Any]) -> dict[str, Any]:
    """The machine, with its load now that everything has run."""
    return machine | {"load_average_after": [round(load, 2) for load in os.getloadavg()]}


def instrument_of(manifest: Manifest) -> dict[str, Any]:
    """What tells a bundle's instrument from others."""
    model = manifest.model
    return {
        "name": manifest.name,
        "parameters": model.parameters,
        "pattern": model.pattern,
        "layout": f"{model.context}/{model.block}",
        "steps": len(manifest.sampling.schedule) - 1,
    }


def instrument_table(result: dict[str, Any], names: Sequence[str], figures: Sequence[str]) -> Table:
    """An empty table under the instrument's name, with columns of words and of numbers."""
    instrument, threads = result["instrument"], result["threads"]
    size = f"{instrument['parameters'] / 1e6:.1f}M parameters, {instrument['pattern']}, {threads} thread{'s' * (threads > 1)}"
    title = f"{instrument['name']} {instrument['layout']} ({size}), ms"
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for name in names:
        table.add_column(name, no_wrap=True)
    for figure in figures:
        table.add_column(figure, justify="right", no_wrap=True)
    return table


def measured_on(result: dict[str, Any]) -> str:
    """The machine with its peak and its load, in a line."""
    machine, peak = result["machine"], result["peak"]
    load = f"{machine['load_average'][0]} to {machine['load_average_after'][0]}"
    return (
        f"peak {peak['gflops_float32']:.0f} GFLOP/s and {peak['read_gb_s']:.1f} GB/s; load {load} on {machine['usable_cores']} cores of "
        f"{machine['cpu']}"
    )

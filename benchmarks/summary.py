"""What a result says, as tables on the terminal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from benchmarks.page import STAGE_COLOURS

WIDTH = 130


def print_summary(result: dict[str, Any], path: Path) -> None:
    """Peers, parity and round trip of every instrument, and where the rest lies."""
    console = Console(width=max(WIDTH, Console().width))
    for of in result["instruments"]:
        _peers(console, of, result["threads"])
        _parity(console, of)
        if "reason" not in of["round_trip"]:
            _round_trip(console, of)
    for failure in result["failures"]:
        console.print(failure, style="red", highlight=False)
    console.print(f"{path} and its page {path.with_suffix('.png').name}", highlight=False)


def _ms(value: float) -> str:
    """Three digits or all before the point."""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def _peers(console: Console, of: dict[str, Any], threads: int) -> None:
    instrument, peak = of["instrument"], of["peak"]
    console.print(
        f"{instrument['name']} {instrument['layout']}, {instrument['parameters'] / 1e6:.1f}M, {instrument['steps']} steps, network batch "
        f"{instrument['batch']}, {threads} thread{'s' * (threads > 1)}; a block lasts {instrument['block_ms']:.0f} ms; peak "
        f"{peak['gflops_float32']:.0f} GFLOP/s, {peak['read_gb_s']:.1f} GB/s",
        highlight=False,
    )
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for column in ("stage", "peer"):
        table.add_column(column, no_wrap=True)
    for column in ("ms", "spread", "p95", "p99", "cpu", "in a row", "×", "floor", "× floor"):
        table.add_column(column, justify="right", no_wrap=True)
    for stage, peers in of["stages"].items():
        for name, figures in peers.items():
            turn, row = figures["in_turn"], figures["in_a_row"]
            ratio = of["ratios"].get(stage, {}).get(name)
            table.add_row(
                stage,
                name,
                *(_ms(turn[key]) for key in ("median", "spread", "p95", "p99", "cpu")),
                "" if row is None else _ms(row["median"]),
                "" if ratio is None else f"{ratio:.2f}",
                _ms(figures["floor"]),
                f"{figures['times_the_floor']:.2f}",
            )
    console.print(table)


def _parity(console: Console, of: dict[str, Any]) -> None:
    bounded = [check for check in of["parity"] if check["bound"]]
    nearest = max(bounded, key=lambda check: check["error"] / check["bound"], default=None)
    if nearest is not None:
        console.print(
            f"parity: {len(bounded)} outputs; nearest to its bound: {nearest['peer']}, {nearest['stage']}, {nearest['error']:.2g} of "
            f"{nearest['bound']:.2g}",
            highlight=False,
        )
    for name, reason in of["unavailable"].items():
        console.print(f"left out: {name}: {reason}", highlight=False)


def _round_trip(console: Console, of: dict[str, Any]) -> None:
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("round trip, ms", no_wrap=True)
    for column in (*(label for label, _ in STAGE_COLOURS.values()), "p50", "p95", "p99", "max", "first frame", "MiB"):
        table.add_column(column, justify="right")
    for subject, modes in of["round_trip"].items():
        for mode, trip in modes.items():
            stages = (trip["stages_ms"].get(stage) for stage in STAGE_COLOURS)
            table.add_row(
                f"{subject}, {mode}",
                *("" if stage is None else _ms(stage["p50"]) for stage in stages),
                *(_ms(trip["block_ms"][name]) for name in ("p50", "p95", "p99", "max")),
                _ms(trip["first_frame_ms"]["of the process"]),
                f"{trip['memory_mib'].get('private', float('nan')):.0f}",
            )
    console.print(table)

"""The demo's summary for a terminal."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table


def print_summary(s: dict[str, Any], console: Console) -> None:
    """Print what was checked, what a block costs and where the files are."""
    latency, parity, music = s["latency"], s["parity"], s["music"]
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    i = s["instrument"]
    table.add_row(
        "instrument",
        f"{i['name']}: {i['pattern']} {i['layout']}, {i['parameters'] / 1e6:.1f} M parameters, {i['solver']} {i['steps']} steps",
    )
    table.add_row("parity", _verdict(parity["passed"], f"{parity['kept']} of {len(parity['checks'])} checks keep their bound"))
    table.add_row(
        "faults",
        _verdict(
            parity["caught"] == len(parity["controls"]), f"{parity['caught']} of {len(parity['controls'])} made on purpose were caught"
        ),
    )
    for failure in parity["failures"]:
        table.add_row("", f"[red]{escape(failure)}[/]")
    whole = latency["whole"]
    table.add_row(
        "block",
        f"p50 {whole['p50']:.0f} ms, p95 {whole['p95']:.0f} ms, worst {whole['worst']:.0f} ms for {latency['period_ms']:.0f} ms of music",
    )
    for cost in latency["stages"]:
        table.add_row("", f"[dim]{cost['stage']}: p50 {cost['p50']:.1f} ms, p95 {cost['p95']:.1f} ms, {cost['runs']} blocks[/]")
    late = f"{latency['late_blocks']} of {whole['runs']} blocks late"
    pace = f"{latency['headroom']:.0%} of the period at p95, {latency['speed']:.1f} × real time"
    table.add_row("headroom", f"{pace}, {late}, Δ = {latency['round_trip_ms']:.0f} ms")
    sizes = s["sizes"]
    table.add_row("size", f"bundle {sizes['bundle_bytes'] / 1e6:.1f} MB, checkpoint {sizes['checkpoint_bytes'] / 1e6:.1f} MB")
    table.add_row("prompts", "\n".join(f"{second:6.2f} s  {escape(prompt)}" for second, prompt in music["marks"]))
    table.add_row("time", ", ".join(f"{stage} {seconds:.0f} s" for stage, seconds in s["seconds"].items()))
    for name, path in s["files"].items():
        table.add_row(name, f"{s['folder']}/{path}")
    console.print(table, highlight=False)


def _verdict(good: bool, text: str) -> str:
    return f"[{'green' if good else 'bold red'}]{text}[/]"
